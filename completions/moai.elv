set edit:completion:arg-completer[moai] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) MOAI_COMPLETE="elvish" moai -- $@words) | to-lines
}
