# Types a line and TAB into a shell that runs on a terminal of its own, and prints all that the terminal showed.
# Arguments: the shell (bash or zsh), the file to source first, the line. The completed line ends up between << and >>.
emulate -R zsh
zmodload zsh/zpty || exit 2
shell=$1 init=$2 line=$3
# The prompt and the marks are written in two pieces, so that the echo of these commands is not taken for them.
case $shell in
  bash)
    zpty shell 'TERM=dumb exec bash --norc --noprofile -i'
    setup="bind 'set show-all-if-ambiguous on'; bind 'set page-completions off'; bind 'set completion-query-items 0'
      bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
      bind -x '\"\\C-o\": printf \"<\"\"<%s>\"\">\\n\" \"\$READLINE_LINE\"'"
    ;;
  zsh)
    zpty shell 'TERM=xterm exec zsh -f -i'
    setup='autoload -Uz compinit; compinit -D -u; setopt no_list_ambiguous no_beep; LISTMAX=0
      show() { print -r -- "<""<$BUFFER>"">" }; zle -N show; bindkey "^O" show'
    ;;
  *) exit 2 ;;
esac
zpty -w shell "$setup"
zpty -w shell "source ${(qq)init}; PS1='rea''dy: '"
zpty -r shell shown '*ready: *' || exit 1
zpty -n -w shell "$line"$'\t\C-o'
zpty -r shell shown '*>>*' || exit 1
print -r -- "$shown"
zpty -d shell
