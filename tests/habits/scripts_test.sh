#!/bin/sh
# Every shell script parses, and shellcheck has nothing to say. Prints TAP.
cd "$1" || exit 1
# The lists are words on purpose; no file name of ours has a space.
scripts=$(find .ci tools tests bench -type f -exec grep -lE '^#!(/bin/|/usr/bin/env )(ba)?sh' {} + | sort)
count=0
failed=0
for script in $scripts; do
    count=$((count + 1))
    case $(head -n 1 "$script") in
    *bash) shell='bash' ;;
    *) shell='sh' ;;
    esac
    if $shell -n "$script"; then
        echo "ok $count - $script parses"
    else
        echo "not ok $count - $script parses"
        failed=1
    fi
done
count=$((count + 1))
# shellcheck disable=SC2086
if ! command -v shellcheck >/dev/null 2>&1; then
    echo "ok $count - shellcheck # SKIP shellcheck is not installed"
elif said=$(shellcheck $scripts); then
    echo "ok $count - shellcheck"
else
    echo "not ok $count - shellcheck"
    printf '%s\n' "$said" | sed 's/^/# /'
    failed=1
fi
echo "1..$count"
exit $failed
