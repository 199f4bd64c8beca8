/* The basis of a statement: which factor tables and which setting it rests on, kept in the book so that it
 * can be made again after they have moved on. */
#ifndef JB_ACCOUNT_BASIS_H
#define JB_ACCOUNT_BASIS_H

#include "account/setting.h"
#include "factor/factor.h"
#include "store/store.h"

struct jb_basis_set {
    char name[JB_FACTOR_NAME_SIZE], version[JB_FACTOR_NAME_SIZE], licence[JB_FACTOR_NAME_SIZE];
    char sha256[JB_SHA256_SIZE], source[512];
};

struct jb_basis {
    char sha256[JB_SHA256_SIZE]; /* of its text: the name by which it is asked for */
    char factors_sha256[JB_SHA256_SIZE], setting_sha256[JB_SHA256_SIZE];
    char setting_file[256];
    struct jb_basis_set *sets; /* in order of precedence */
    size_t set_count;
    struct jb_buffer text; /* names every table and file with its digest */
};

enum jb_code jb_basis_make(const struct jb_factors *factors, const struct jb_setting *setting,
                           struct jb_error *error, struct jb_basis *ret_basis);
void jb_basis_free(struct jb_basis *basis); /* NULL-safe; leaves it empty */

/* Whether the book has it already. */
enum jb_code jb_basis_is_kept(struct jb_store *store, const struct jb_basis *basis, struct jb_error *error,
                              bool *ret_kept);
/* Puts the basis, its tables and its setting into a book that may be written; tables that it has already are
 * not put twice. */
enum jb_code jb_basis_keep(struct jb_store *store, const struct jb_basis *basis,
                           const struct jb_factors *factors, const struct jb_setting *setting,
                           struct jb_error *error);
/* Factors and setting of a kept basis; sha256: the digest, or at least its first 8 digits. JB_NO_DATA: the
 * book has no such basis; JB_USAGE: several begin so. */
enum jb_code jb_basis_restore(struct jb_store *store, const char *sha256, struct jb_error *error,
                              struct jb_factors **ret_factors, struct jb_setting **ret_setting);

#endif
