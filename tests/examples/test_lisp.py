"""The small Lisp of examples/: it says what a Lisp should, in little memory, and after errors.

MW_TEST_LISP is the program.
"""
import os
import re
import subprocess
import unittest

LISP = os.environ["MW_TEST_LISP"]

# Expressions and what is printed for them.
SMALL = [
    ("(+ 1 2)", "3"),
    ("(quote (a (b -3) nil ()))", "(a (b -3) nil nil)"),
    ("(if (< 2 1) 1 (cons 1 (cons 2 (quote ()))))", "(1 2)"),
    ("(define adder (lambda (n) (lambda (m) (+ n m))))", "function"),
    ("((adder 40) 2)", "42"),
    ("(define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))", "function"),
    ("(fib 8)", "21"),
    ("(define range (lambda (n l) (if (< n 1) l (range (- n 1) (cons n l)))))", "function"),
    ("(define map (lambda (f l) (if l (cons (f (car l)) (map f (cdr l))) l)))", "function"),
    ("(map (lambda (x) (* x x)) (range 5 (quote ())))", "(1 4 9 16 25)"),
]
WRONG = [
    ("nowhere", "error: a symbol has no value"),
    ("(1 2)", "error: this is no function"),
    ("(car 7)", "error: this is no list"),
    ("(+ 1 (quote a))", "error: this is no number"),
]
LONG = [
    ("(define count (lambda (n sum) (if (< n 1) sum (count (- n 1) (+ sum n)))))", "function"),
    ("(count 20000 0)", "200010000"),
]
TOO_MUCH = [
    ("(define deep (lambda (n) (+ 1 (deep n))))", "function"),
    ("(deep 1)", "error: calls are nested too deep"),
    ("(range 1000000 (quote ()))",
     "error: no room is left below the heap's limit, or the system gave no memory"),
    ("(fib 8)", "21"),
]


def run(rows, *arguments):
    return subprocess.run([LISP, *arguments], input="\n".join(row[0] for row in rows), text=True,
                          capture_output=True, timeout=100)


class Lisp(unittest.TestCase):
    def check(self, rows, *arguments):
        done = run(rows, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), [row[1] for row in rows])
        return int(re.fullmatch(r"(\d+) scavenges in a heap of \d+ bytes\n", done.stderr).group(1))

    def test_it_is_a_lisp(self):
        self.check(SMALL + WRONG)

    def test_a_long_run_needs_little_memory(self):
        self.assertGreater(self.check(LONG), 5)

    def test_too_much_is_an_error_and_what_was_defined_stays(self):
        self.check(SMALL + TOO_MUCH)

    def test_it_holds_no_address_over_a_call(self):
        self.assertGreater(self.check(SMALL + WRONG, "2", "stress"), 500)

    def test_a_limit_that_makes_no_sense_is_told(self):
        done = run([], "0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("lisp: no heap", done.stderr)


if __name__ == "__main__":
    unittest.main()
