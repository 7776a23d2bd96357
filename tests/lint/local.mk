# What holds of the text and of the object files, whatever they do.
check_lint_tests +=
