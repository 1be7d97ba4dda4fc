"""How long things take that are too short to be timed once: loops, in turns."""

import time


def in_turns(contenders, repetitions, least=0.05, clock=time.perf_counter):
    """The seconds of a call of each function, `repetitions` times.

    The speed of a machine changes with its load, so the functions take turns; each turn is a loop
    of about `least` seconds. Of what takes longer than half a second, three turns show as much.

    Args:
        contenders: the functions by their names.
        repetitions: how often each has its turn.
        least: see above.
        clock: what counts the seconds.
    """
    loops = {}
    for who, call in contenders.items():
        call()  # the first takes longer
        loops[who] = max(1, int(least / _seconds(call, 1, clock)))
    times = {who: [] for who in contenders}
    for turn in range(repetitions):
        for who, call in contenders.items():
            if turn < 3 or times[who][0] < 0.5:
                times[who].append(_seconds(call, loops[who], clock))
    return times


def _seconds(call, loops, clock):
    begin = clock()
    for _ in range(loops):
        call()
    return (clock() - begin) / loops
