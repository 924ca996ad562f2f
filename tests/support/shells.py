"""Asks real shells what they would offer behind what was typed.

Each shell is a class with offers(line), the set of words, and close(). SCRIPT is its completion script,
FOLDER the directory in which files are looked for.
"""
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import tempfile
import time

PATIENCE_S = 20


def environment(home):
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return dict(kept, HOME=home, TERM="dumb", INPUTRC="/dev/null")


class Terminal:
    """A program that believes to sit at a terminal."""

    def __init__(self, command, folder, home):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment(home))
        self.seen = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, pattern):
        """The match; what was seen up to its end is forgotten."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
        raise AssertionError(f"{pattern} did not come; there was {self.seen!r}")

    def read_while(self, holds):
        end = time.monotonic() + PATIENCE_S
        while holds():
            if select.select([self.fd], [], [], 0.02)[0]:
                os.read(self.fd, 65536)
            if time.monotonic() > end:
                raise AssertionError("the shell does not come to an end")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Bash:
    """The completion function is called as bash calls it, with the line cut into words."""

    def __init__(self, script, folder, breaks="=:"):
        self.script, self.folder, self.breaks = script, folder, breaks

    def close(self):
        pass

    def words(self, line):
        parts = re.findall(rf"[{self.breaks}]+|[^\s{self.breaks}]+" if self.breaks else r"\S+", line)
        return parts + [""] if line.endswith(" ") else parts

    def offers(self, line):
        words = self.words(line)
        here = "" if self.breaks and words[-1][:1] in set(self.breaks) else words[-1]
        code = """
            script=$1 here=$2 files=
            shift 2
            compopt() { [ "$*" = "-o default" ] && files=-f; [ "$*" = "-o dirnames" ] && files=-d; }
            source "$script"
            [[ $(complete -p "$1") =~ -F\\ ([^ ]+) ]] || exit 9
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
            "${BASH_REMATCH[1]}" "$1" "$here" "${COMP_WORDS[COMP_CWORD - 1]}"
            [ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
            [ -z "$files" ] || compgen "$files" -- "$here"
            exit 0"""
        done = subprocess.run(["bash", "--norc", "-c", code, "bash", self.script, here, *words],
                              cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S,
                              env=environment(self.folder))
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return set(done.stdout.split("\n")) - {""}

    def completes(self, line):
        """What the line becomes at a real terminal, by the key Tab: its words but the first."""
        program = line.split()[0]
        terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], self.folder, self.folder)
        try:
            terminal.type(f"PS1=; source {self.script}; {program}() {{ printf '<%s>' \"$@\"; "
                          "echo '!'; }; echo re''ady\n")
            terminal.read_until("ready\r?\n")
            terminal.type(f"{line}\t\n")
            return re.findall("<([^>]*)>", terminal.read_until(r"(<[^>]*>)+!").group(0))
        finally:
            terminal.close()


class Fish:
    def __init__(self, script, folder):
        self.script, self.folder = script, folder

    def close(self):
        pass

    def offers(self, line):
        code = "source $argv[1]; complete -C $argv[2]"
        done = subprocess.run(["fish", "--no-config", "-c", code, self.script, line],
                              cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S,
                              env=environment(self.folder))
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return {row.split("\t")[0] for row in done.stdout.split("\n")} - {""}


class Zsh:
    """Its completion works at a terminal only. What it would list is caught in compadd, through which
    all of it goes, and written to a file; ^G ends the list and clears the line."""

    START = r"""
        unset zle_bracketed_paste
        LISTMAX=1000
        fpath=(FUNCTIONS $fpath)
        autoload -Uz compinit
        compinit -u -d DUMP
        compadd() {
            if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
                builtin compadd "$@"
                return
            fi
            local -a hits
            builtin compadd -A hits "$@"
            print -rl -- $hits >>OUT
            builtin compadd "$@"
        }
        finish() {
            BUFFER=
            print -r -- END >>OUT
        }
        zle -N finish
        bindkey '^G' finish
        bindkey '^I' complete-word
        PS1='rea''dy'
        """
    cache = tempfile.TemporaryDirectory()  # of compinit, which looks at each function there is

    def __init__(self, script, folder):
        self.home = tempfile.TemporaryDirectory()
        self.out = pathlib.Path(self.home.name) / "out"
        start = pathlib.Path(self.home.name) / "start"
        start.write_text(self.START.replace("FUNCTIONS", str(pathlib.Path(script).parent))
                         .replace("OUT", str(self.out)).replace("DUMP", f"{self.cache.name}/dump"))
        self.terminal = Terminal(["zsh", "-f", "-i"], folder, self.home.name)
        self.terminal.type(f"source {start}\n")
        self.terminal.read_until("ready")

    def offers(self, line):
        self.out.write_text("")
        self.terminal.type(f"{line}\t\x07")
        self.terminal.read_while(lambda: not self.out.read_text().endswith("END\n"))
        return {word.rstrip("=") for word in self.out.read_text().split("\n")} - {"", "END"}

    def close(self):
        self.terminal.close()
        self.home.cleanup()
