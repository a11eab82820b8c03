# `moai worktree go` and its kin change the directory of this shell: moai writes the path into the private file that
# MOAI_CD_FILE names. What moai prints is never run.
function moai --description 'Claude Code on the model that fits'
    if set -q MOAI_COMPLETE; or not string match --quiet --regex '^(worktree|wt|phase)$' -- $argv
        command moai $argv
        return
    end
    set -l temp /tmp
    set -q TMPDIR; and set temp $TMPDIR
    set -l file (command mktemp "$temp/moai-cd.XXXXXX")
    or begin
        command moai $argv
        return
    end
    MOAI_CD_FILE=$file command moai $argv
    set -l code $status
    if test -s $file
        set -l dir (command cat -- $file | string collect --no-trim-newlines)
        cd -- $dir
        or set code 1
    end
    command rm -f -- $file
    return $code
end
