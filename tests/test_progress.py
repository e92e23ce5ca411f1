"""What a bar shows on a narrow terminal, and the lines elsewhere."""

import io

import pytest
from rich.console import Console

from scarlet_tf import progress as module
from scarlet_tf.progress import progress

NOTE = "loss 4.321  accuracy 23.4%  1,234 images/s"


@pytest.fixture
def screen(monkeypatch):
    """What a terminal of 80 columns receives."""
    received = io.StringIO()
    console = Console(file=received, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(module, "Console", lambda: console)
    return received


def test_narrow_terminal_shows_every_number(screen):
    with progress("train runs/s2_imagenet_supernet", 300_300, 300) as report:
        report.update(12_340, NOTE)
    last = screen.getvalue().splitlines()[-3:]
    assert any("train runs/s2_imagenet_supernet" in line and "12340/300300 0:00:00 left" in line for line in last)
    assert any(NOTE in line for line in last)


@pytest.mark.parametrize("seconds", [1, 100])
def test_time_left_is_known_however_slow_the_updates(screen, seconds):
    now = 0.0
    with progress("train", 100) as report:
        bar = report._bar
        bar.get_time = lambda: now
        for completed in range(1, 4):
            now += seconds
            report.update(completed)
        assert bar.tasks[0].time_remaining == pytest.approx(97 * seconds, rel=0.02)


def test_lines_elsewhere_have_the_note(capsys):
    with progress("train", 10) as report:
        report.update(10, NOTE)
    assert capsys.readouterr().out == f"train 10/10, 0 s left  {NOTE}\n"
