//! Floor 5: Claude Code's settings files.
