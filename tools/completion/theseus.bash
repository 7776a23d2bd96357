# theseus.bash - completes the command lines of all theseus tools in bash; installed once
# under each tool's name, where bash-completion looks.
#
# What there is to complete a tool's own --help says: its options, and by the word behind an
# option what that takes. So nothing is listed here that could differ.
_theseus() {
	local tool=$1 current=$2 previous=$3 takes
	COMPREPLY=()
	takes=$("$tool" --help 2>/dev/null | sed -n "s/^ *\(-., \)\{0,1\}$previous[ =]\([A-Z]*\) .*/\2/p")
	case $previous:$takes in
	-*:DIR) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
	-*:FILE | -*:KERNEL | -*:ARCHIVE | -*:OLD)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		;;
	-*:?*) ;; # a name or a number
	*)
		if [[ $current == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$("$tool" --help 2>/dev/null |
				sed -n 's/^ \{2,6\}\(-.*\)/\1/p' |
				grep -oE '(^|, )--?[A-Za-z][a-z-]*' | tr -d ', ')" -- "$current")
		elif [[ $previous == *theseus-new ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$("$tool" --list 2>/dev/null |
				sed 's/ .*//')" -- "$current")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
		fi
		;;
	esac
}
complete -o filenames -F _theseus theseus-check theseus-graph theseus-image theseus-new \
	theseus-run theseus-schema theseus-symbolize
