"""
tap.py: runs a file's unittest cases and says how they went in TAP, as scripts/run-tests reads it.

Every *_test.py ends with tap.main(). FAST_TESTS=1 in the environment asks for a sample.
"""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURE = os.path.join(HERE, "fixtures", "run")
FAST = os.environ.get("FAST_TESTS") == "1"


class Result(unittest.TestResult):
    n = 0

    def line(self, test, ok, note=""):
        self.n += 1
        print(f"{'ok' if ok else 'not ok'} {self.n} {note or '- ' + test.id().split('.')[-1]}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line(test, True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(test, True, f"# SKIP {test.id().split('.')[-1]}: {reason}")

    def told(self, test, err):
        self.line(test, False)
        for text in self._exc_info_to_string(err, test).splitlines():
            print("# " + text)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.told(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.told(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.told(subtest, err)


def main():
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromModule(sys.modules["__main__"])
    print(f"1..{suite.countTestCases()}", flush=True)
    result = Result()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
