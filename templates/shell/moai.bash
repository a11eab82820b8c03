# `moai worktree go` and its kin change the directory of this shell: moai writes the path into the private file that
# MOAI_CD_FILE names. What moai prints is never run.
function moai {
    local words=" $* " moving=' (worktree|wt|phase) ' file code dir
    if [[ -n ${MOAI_COMPLETE-} || ! $words =~ $moving ]]; then
        \command moai "$@"
        return
    fi
    file=$(\command mktemp "${TMPDIR:-/tmp}/moai-cd.XXXXXX") || {
        \command moai "$@"
        return
    }
    MOAI_CD_FILE=$file \command moai "$@"
    code=$?
    if [[ -s $file ]]; then
        dir=$(\command cat -- "$file" && printf x)
        \builtin cd -- "${dir%x}" || code=1
    fi
    \command rm -f -- "$file"
    return "$code"
}
