complete --keep-order --exclusive --command moai --arguments "(MOAI_COMPLETE=fish moai -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
