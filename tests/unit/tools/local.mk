check_lint_tests += %D%/check_test.tap
