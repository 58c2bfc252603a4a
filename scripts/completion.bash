# Completion of fsyncstorm for bash. Commands, options and jobs are asked of the program itself.
_fsyncstorm() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
	local command=${COMP_WORDS[1]-} sub=()
	names() { "$program" "$@" 2> /dev/null | awk '/^  [a-z][a-z0-9_-]* +[^ ]/ { print $1 }'; }
	if [ "$COMP_CWORD" -gt 2 ] && [[ $command =~ ^(race|cut)$ && ${COMP_WORDS[2]} =~ ^[a-z]+$ ]] &&
		names help "$command" | grep -qx "${COMP_WORDS[2]}"; then
		sub=("${COMP_WORDS[2]}")
	fi
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(names help) --version" -- "$word")
	elif [ "$COMP_CWORD" -eq 2 ] && { [ "$command" = race ] || [ "$command" = help ]; }; then
		mapfile -t COMPREPLY < <(compgen -W "$(names help "${command/help/}")" -- "$word")
	elif [ "$COMP_CWORD" -eq 2 ] && [ "$command" = cut ] && [[ $word != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(names help cut)" -- "$word"; compgen -f -- "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" help "$command" "${sub[@]}" 2> /dev/null |
			grep -oE -- '--[a-z][a-z-]*' | sort -u)" -- "$word")
	elif [ "$before" = --design ]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" list | awk '/^designs/ { on = 1; next } /^$/ { exit }
			on { print $1 }')" -- "$word")
	elif [ "$command" = bench ]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" list | awk '/^jobs:/ { on = 1; next } /^$/ { on = 0 }
			on { print $1 }')" -- "$word"; compgen -f -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -o filenames -F _fsyncstorm fsyncstorm
