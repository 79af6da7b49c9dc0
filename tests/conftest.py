"""What holds for every test: the programs that it starts obey SIGINT and SIGHUP, however the tests were started."""

import signal


def pytest_configure() -> None:
    """
    Replaces ignored signals by handlers that do nothing.

    `nohup make test` and `make test &` start the tests with SIGHUP or SIGINT ignored, and every program inherits that. A handler
    is not inherited: the tests go on ignoring the signal, and a program that they start begins with its default.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
