/* Setting and factors of a valuation: found, read, and kept in the book. */
#include "cli/grounds.h"
#include "cli/progress.h"

#include <string.h>

enum jb_code jb_cli_setting_path(const struct jb_cli *cli, const struct jb_ledger *ledger,
                                 struct jb_error *error, char ret[static PATH_MAX]) {
    const char *named = cli->config ? cli->config : getenv("JOULEBOOK_CONFIG");
    const char *url = jb_ledger_url(ledger), *book = strncmp(url, "sqlite:", 7) == 0 ? url + 7 : url;
    const char *home = getenv("HOME"), *folder = getenv("XDG_CONFIG_HOME"), *slash = strrchr(book, '/');
    char candidates[2][PATH_MAX] = {"", ""};
    int length;
    if (named && *named) {
        length = snprintf(ret, PATH_MAX, "%s", named);
        return length < PATH_MAX ? JB_OK
                                 : jb_error_set(error, JB_USAGE, "the path of the setting is too long");
    }
    if (strncmp(url, "memory:", 7) != 0)
        snprintf(candidates[0], PATH_MAX, "%.*sjoulebook.ini", slash ? (int)(slash + 1 - book) : 0, book);
    if (geteuid() == 0)
        snprintf(candidates[1], PATH_MAX, "/etc/joulebook.ini");
    else if (folder && folder[0] == '/')
        snprintf(candidates[1], PATH_MAX, "%s/joulebook/joulebook.ini", folder);
    else if (home && home[0] == '/')
        snprintf(candidates[1], PATH_MAX, "%s/.config/joulebook/joulebook.ini", home);
    for (size_t i = 0; i < JB_COUNT(candidates); i++) {
        if (*candidates[i] && access(candidates[i], F_OK) == 0) {
            memcpy(ret, candidates[i], PATH_MAX);
            return JB_OK;
        }
    }
    return JB_NO_DATA;
}

/* Puts the basis into the book, through a handle of its own: the statement only reads. */
static void keep(const struct jb_cli *cli, struct jb_ledger *ledger, const struct grounds *grounds) {
    struct jb_error error = {0};
    struct jb_ledger *writer;
    bool is_kept = false;
    enum jb_code code = jb_basis_is_kept(jb_ledger_store(ledger), &grounds->basis, &error, &is_kept);
    if (!code && is_kept)
        return;
    if (!code)
        code = jb_ledger_open(cli->book, JB_STORE_WRITE, &error, &writer);
    if (!code) {
        code = jb_basis_keep(jb_ledger_store(writer), &grounds->basis, grounds->factors, grounds->setting,
                             &error);
        jb_ledger_close(writer);
    }
    if (!code)
        return;
    progress_end();
    fprintf(
        stderr,
        "joulebook %s: note: the book could not keep what the figures rest on, so they cannot be made again "
        "once the factors have moved on: %s\n",
        cli->argv[0], error.message);
}

static enum jb_code load_files(const struct jb_cli *cli, const struct jb_ledger *ledger,
                               struct grounds *grounds, struct jb_error *error) {
    char path[PATH_MAX];
    enum jb_code code = jb_cli_setting_path(cli, ledger, error, path);
    if (code == JB_NO_DATA)
        return JB_OK;
    if (!code)
        code = jb_setting_load(path, error, &grounds->setting);
    if (code)
        return code == JB_NO_DATA ? JB_IO : code;
    if (!grounds->setting->site_count && !grounds->setting->server_count) {
        /* Only the meter's section: nothing to value by. */
        jb_setting_free(JB_TAKE(grounds->setting));
        return JB_OK;
    }
    return jb_cli_factors(cli, error, &grounds->factors);
}

int grounds_load(const struct jb_cli *cli, struct jb_ledger *ledger, const char *basis_sha256,
                 struct grounds *ret_grounds) {
    struct jb_error error = {0};
    struct grounds grounds = {0};
    enum jb_code code = basis_sha256 ? jb_basis_restore(jb_ledger_store(ledger), basis_sha256, &error,
                                                        &grounds.factors, &grounds.setting)
                                     : load_files(cli, ledger, &grounds, &error);
    if (!code && grounds.setting)
        code = jb_basis_make(grounds.factors, grounds.setting, &error, &grounds.basis);
    if (code) {
        grounds_free(&grounds);
        return jb_cli_fail(cli, code, &error);
    }
    if (grounds.setting && !basis_sha256)
        keep(cli, ledger, &grounds);
    *ret_grounds = grounds;
    return -1;
}

void grounds_free(struct grounds *grounds) {
    if (!grounds)
        return;
    jb_setting_free(grounds->setting);
    jb_factors_free(grounds->factors);
    jb_basis_free(&grounds->basis);
    *grounds = (struct grounds){0};
}
