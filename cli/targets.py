"""threshc targets"""

from __future__ import annotations


def targets() -> None:
    """List the boards and devices that `threshc build` knows.

    [dim]threshc targets[/]
    """
    from threshc.cli.tables import print_table
    from threshc.hdl.targets.registry import targets as known

    rows = [
        (
            t.name,
            t.title,
            f"{t.device.luts:,}",
            f"{t.device.brams:,}",
            "--device" if t.board is None else "--target",
            "" if t.board is None else f"{t.board.clock_hz / 1e6:g} MHz",
        )
        for t in known().values()
    ]
    print_table("targets", ("name", "what", "LUTs", "block RAMs", "option", "clock"), rows, "llrrlr")
