# `moai worktree go` and its kin change the directory of this shell: moai writes the path into the private file that
# MOAI_CD_FILE names. What moai prints is never run.
function global:moai {
    $program = Get-Command -Name moai -CommandType Application -TotalCount 1 -ErrorAction Stop
    $file = [System.IO.Path]::GetTempFileName()
    $before = $env:MOAI_CD_FILE
    try {
        $env:MOAI_CD_FILE = $file
        if ($MyInvocation.ExpectingInput) { $input | & $program.Source @args } else { & $program.Source @args }
        $code = $LASTEXITCODE
        $dir = [System.IO.File]::ReadAllText($file)
        if ($dir -ne '') { Set-Location -LiteralPath $dir }
        $global:LASTEXITCODE = $code
    } finally {
        $env:MOAI_CD_FILE = $before
        Remove-Item -LiteralPath $file -Force -ErrorAction SilentlyContinue
    }
}
