"""ship - swaps modules written elsewhere, from the console of the ship named by argv."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from console import Console, Tap  # noqa: E402

tap = Tap()


def bound(ship):
    return {line.split()[0]: line.split()[2] for line in ship.command("bindings")[1:]}


# A copy beside one that is still there, on probation, has a number: sched.mine#2.
def plain(name):
    return name.split("#")[0]


def swap(ship, old, new, iface, due):
    lines = ship.command("swap %s %s" % (old, new))
    tap.ok(len(lines) == 4 and lines[0].endswith(" -> " + new), "swap to " + new, *lines)
    tap.ok(plain(bound(ship)[iface]) == due, "%s is served by %s" % (iface, due), bound(ship))


ship = Console(sys.argv[1:])
try:
    ship.boot()
    tap.ok(bound(ship)["echo/1"] == "echo.plain", "a module of one's own is bound")
    tap.ok(bound(ship)["sched/1"] == "sched.rr", "another waits")
    ship.command("start 3")
    swap(ship, "sched", "sched.mine", "sched/1", "sched.mine")
    swap(ship, "echo", "echo.plain", "echo/1", "echo.plain")
    swap(ship, "sched.mine", "sched.rr", "sched/1", "sched.rr")
    swap(ship, "sched", "sched.mine", "sched/1", "sched.mine")
    lines = ship.command("stop")
    tap.ok(
        len(lines) == 3 and all(" 0 wrong, 0 errors" in line for line in lines),
        "clients counted on meanwhile",
        *lines
    )
    lines = [line for line in ship.command("spill") if "mine" in line or "echo" in line]
    held = [line.split()[:2] for line in lines if "bytes of state" in line]
    tap.ok(
        {plain(name) for name, _ in held} == {"echo.plain", "sched.mine"}
        and all(size == "0" for _, size in held),
        "they hold 0 bytes of state",
        *lines
    )
    ship.type("halt\r")
    tap.ok(ship.leaves() == 0, "halt")
finally:
    ship.end()
sys.exit(tap.plan())
