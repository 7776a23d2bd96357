check_lint_tests += %D%/fail_nth.tap
