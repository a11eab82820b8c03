//! Manners that hold for every command: help, versions, wrong words, closed pipes.

use crate::scratch::Scratch;

#[test]
fn help_goes_to_stdout_and_a_wrong_word_to_stderr_with_a_suggestion() {
    let scratch = Scratch::new();
    assert!(scratch.moai(["--help"]).ok().contains("worktree"));
    let stderr = scratch.moai(["worktre"]).fails(2);
    assert!(stderr.contains("'worktree'"), "{stderr}");
}
