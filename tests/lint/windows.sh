#!/bin/sh
# windows - whatever is changed that others meet has a window where a test can act (point.h).
#
# Who lets one module take another's place changes what others meet in steps. Each function
# that makes such a step has a THS_POINT("class/name") of its own, so that window_test, whose
# list is made of those, makes each trouble at each step. A step is one of these, in
# nano_core's files of that path.
set -u
steps='ths_publish *[(]'                                # who is bound, or rows
steps="$steps|->state = THS_INSTANCE_|->before = [^N=]" # what an instance is
steps="$steps|store[(]&[a-z]*->heir|instance->block = [^N]"
steps="$steps|ths_table_(open|close|wipe)[(]|ths_step_end[(]|aim_at[(]" # tables and steps
steps="$steps|atomic_(store|exchange)[(]&ths_core"      # what all CPUs look at
steps="$steps|ths_arch_(map|unmap|protect)[(]"          # where code lies
steps="$steps|ths_invoke_(start|selftest|adopt|recover|reread)[(]" # a module's own code
path='archive cascade device evolve evolve_read fault instance interpose layout loader meta migrate
	probation slots state_move swap sweep tables tmod tmod_link'
cd "$top_srcdir/libtheseus/nano_core" || exit 1
status=0 files=
for file in $path; do
	[ -f "$file.c" ] && files="$files $file.c"
done

# shellcheck disable=SC2086
without=$(awk -v steps="$steps" '
	FNR == 1 { inside = "?" }
	/^[A-Za-z][A-Za-z0-9_ *]*[ *][a-z_0-9]+[(]/ && !/;[ \t]*$/ {
		line = $0
		sub(/[(].*/, "", line)
		sub(/.*[ *]/, "", line)
		inside = FILENAME " " line
		next
	}
	/^[ \t]*(\/?\*|\/\/|#)/ { next }
	/THS_POINT[(]/ { window[inside] = 1 }
	/^[ \t]/ && $0 ~ steps { step[inside] = $0; count++ }
	END {
		for (at in step)
			if (!(at in window))
				print at ": " step[at]
		if (count == 0)
			print "no steps found"
	}' $files </dev/null | sort)
if [ -n "$without" ]; then
	printf '%s\n' "$without"
	echo "^ others meet what is changed there, and there is no THS_POINT"
	status=1
fi
twice=$(find .. -name '*.c' -exec sed -n 's/.*THS_POINT(\("[^"]*"\)).*/\1/p' {} + | sort | uniq -d)
if [ -n "$twice" ]; then
	printf '%s\n' "$twice"
	echo "^ names two windows (F1 of point.h)"
	status=1
fi
exit $status
