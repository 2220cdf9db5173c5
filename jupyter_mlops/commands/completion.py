"""``completion``: the script with which a shell asks ``complete``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Document, Note

Shell = Literal["bash", "zsh"]

# Words are cut at blanks only, not at ":" and "=" as readline does; what readline has of the word
# already is taken off each candidate again.
_BASH = r"""# Completion of jupyter-mlops and of "jupyter mlops" in bash.
# In ~/.bashrc:  source <(jupyter-mlops completion bash)
_jupyter_mlops() {
    local line="${COMP_LINE:0:COMP_POINT}" word known candidate
    local -a words
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local -i skip=1
    [[ ${words[0]##*/} == jupyter ]] && skip=2
    words=("${words[@]:skip}")
    word="${words[-1]-}"
    known="${word%"${word##*[:=]}"}"
    COMPREPLY=()
    while IFS= read -r candidate; do
        [[ $candidate == */ ]] && compopt -o nospace
        candidate="${candidate#"$known"}"
        [[ $candidate == *[!a-zA-Z0-9_./:=@%+,~-]* ]] && printf -v candidate %q "$candidate"
        COMPREPLY+=("$candidate")
    done < <(jupyter-mlops complete -- "${words[@]//\\/}" 2>/dev/null)
}
_jupyter_then_mlops() {
    if [[ ${COMP_WORDS[1]} == mlops && $COMP_CWORD -gt 1 ]]; then
        _jupyter_mlops
    elif declare -F _jupyter_before_mlops > /dev/null; then
        _jupyter_before_mlops "$@"
    else
        mapfile -t COMPREPLY < <(compgen -W mlops -f -- "${COMP_WORDS[COMP_CWORD]}")
    fi
}
if [[ "$(complete -p jupyter 2>/dev/null)" =~ \ -F\ ([^ ]+) ]] &&
    [[ ${BASH_REMATCH[1]} != _jupyter_then_mlops ]]; then
    eval "_jupyter_before_mlops() { ${BASH_REMATCH[1]} \"\$@\"; }"
fi
complete -F _jupyter_mlops jupyter-mlops
complete -F _jupyter_then_mlops jupyter
"""

_ZSH = r"""#compdef jupyter-mlops
# Completion of jupyter-mlops and of "jupyter mlops" in zsh.
# In ~/.zshrc, after compinit:  source <(jupyter-mlops completion zsh)
_jupyter_mlops() {
    local -a asked found folders
    asked=("${(@Q)words[2,CURRENT]}")
    [[ ${words[1]:t} == jupyter ]] && asked=("${(@Q)words[3,CURRENT]}")
    found=("${(@f)$(jupyter-mlops complete -- "${asked[@]}" 2>/dev/null)}")
    found=("${(@)found:#}")
    folders=("${(@M)found:#*/}")
    found=("${(@)found:#*/}")
    (( $#folders )) && compadd -S '' -- "${folders[@]}"
    (( $#found )) && compadd -- "${found[@]}"
}
_jupyter_then_mlops() {
    if (( CURRENT > 2 )) && [[ ${words[2]} == mlops ]]; then
        _jupyter_mlops
    elif (( $+functions[${_jupyter_before_mlops:-_none_}] )); then
        ${_jupyter_before_mlops} "$@"
    else
        compadd -- mlops
        _files
    fi
}
if [[ ${_comps[jupyter]-} != _jupyter_then_mlops ]]; then
    typeset -g _jupyter_before_mlops="${_comps[jupyter]-}"
fi
compdef _jupyter_mlops jupyter-mlops
compdef _jupyter_then_mlops jupyter
"""


@dataclass(frozen=True, slots=True)
class CompletionScript:
    """A script for one shell."""

    shell: Shell
    script: str

    def describe(self) -> Document:
        """Return the script as it is."""
        return Document((Note(self.script.rstrip("\n")),))


def completion(
    here: Here,
    shell: Annotated[Shell, Arg("The shell that reads the script.")],
) -> CompletionScript:
    """Print the script that completes commands in a shell.

    For bash, put this line into ~/.bashrc; for zsh, the like into ~/.zshrc, after compinit:

        source <(jupyter-mlops completion bash)
    """
    return CompletionScript(shell, _BASH if shell == "bash" else _ZSH)
