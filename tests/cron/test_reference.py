"""The firing times of `base.cron` against the library of Argo's controller, on random expressions around changes of the clocks."""

import datetime as dt
import pathlib
import random
import subprocess

import pytest

from validationrun.base.cron import CronError, next_times, parse_cron, zone_of

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Beirut", "Africa/Cairo",
    "America/Havana", "Atlantic/Azores", "Asia/Kathmandu", "Europe/London", "America/Scoresbysund",
)  # fmt: skip
CHANGES = [
    dt.datetime(2027, *day, tzinfo=dt.UTC)
    for day in ((3, 13), (3, 27), (4, 3), (4, 22), (9, 3), (10, 2), (10, 30), (11, 6))
]
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
STRICTER = ("+5 * * * *", "*-5 * * * *", "5,,6 * * * *", "0 2 * * *,", "@every 1h", "@midnight ")
"""What the library takes and `base.cron` refuses: the counts from the controller's own start, and what looks like a slip."""

REFUSED = ("* * * *", "* * * * * *", "0 2 * * 7", "*/0 * * * *", "1-2-3 * * * *", "5- * * * *", "@reboot", "0 2 L * *")
COUNT = 6


@pytest.fixture(scope="session")
def reference(tmp_path_factory) -> pathlib.Path:
    program = tmp_path_factory.mktemp("cron") / "reference"
    source = pathlib.Path(__file__).parent / "reference"
    subprocess.run(["go", "build", "-o", program, "."], cwd=source, check=True)
    return program


def ask(program, questions):
    lines = "".join(f"{expression}\t{zone}\t{after}\t{COUNT}\n" for expression, zone, after in questions)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def ours(expression, zone, after):
    try:
        cron = parse_cron(expression)
    except CronError:
        return "error"
    begin = dt.datetime.fromtimestamp(after, dt.UTC)
    return " ".join(str(int(time.timestamp())) for time in next_times([cron], zone_of(zone), begin, COUNT))


def entry(dice, place):
    low, high = BOUNDS[place]
    first, second = sorted((dice.randint(low, high), dice.randint(low, high)))
    forms = (
        "*",
        "?",
        first,
        f"{first}-{second}",
        f"*/{dice.randint(1, high)}",
        f"{first}/{dice.randint(1, high)}",
        f"{first}-{second}/3",
    )
    return str(dice.choice(forms))


def expression(dice):
    return " ".join(
        ",".join(entry(dice, place) for _ in range(dice.choice((1, 1, 1, 2))))
        if place < 2 or dice.random() < 0.4
        else "*"
        for place in range(5)
    )


def test_random_expressions_fire_as_the_controllers_library_does(reference):
    dice = random.Random(20270328)
    questions = [
        (expression(dice), dice.choice(ZONES), int(dice.choice(CHANGES).timestamp()) + dice.randrange(72 * 3600))
        for _ in range(3000)
    ]
    answers = ask(reference, questions)
    assert [question for question, answer in zip(questions, answers, strict=True) if ours(*question) != answer] == []
    assert not any(answer.startswith("error") for answer in answers)


def test_what_the_library_refuses_is_refused(reference):
    questions = [(text, "UTC", 0) for text in REFUSED]
    assert all(answer.startswith("error") for answer in ask(reference, questions))
    assert [ours(*question) for question in questions] == ["error"] * len(questions)


def test_what_is_refused_although_the_library_takes_it(reference):
    questions = [(text, "UTC", 0) for text in STRICTER]
    assert not any(answer.startswith("error") for answer in ask(reference, questions))
    assert [ours(*question) for question in questions] == ["error"] * len(questions)
