check_lint_tests += %D%/check_test.tap
check_lint_tests += %D%/image_test.tap
