"""Cells of small notebooks that the browser tests run."""

from __future__ import annotations

LOAD = """
%load_ext nbgraph
import time
def note(name):
    with open(name + ".txt", "w") as file:
        file.write(str(time.time()))
"""

ESSAY = """
%%edges
START -> draft -> critique -> gate
gate -> publish if gate == "approve"
gate -> draft else
publish -> END
"""

NODES = [
    """
%%node
def draft(topic: str):
    time.sleep(0.8)
    print(f"drafting {topic}")
    return {"text": f"All about {topic}."}
""",
    """
%%node
async def critique(text: str):
    import asyncio
    await asyncio.sleep(0.8)
    return {"score": len(text)}
""",
    """
%%human gate --show score --edit text
Shall **{{ text }}** be published?
""",
    """
%%node
def publish(text: str, gate_note: str = ""):
    note("published")
    time.sleep(0.4)
    return {"page": text.upper()}
""",
]

# cells 0 to 6 declare, cell 7 runs
CELLS = [LOAD, "%graph new essay", ESSAY, *NODES, 'run = essay.run(topic="bees")']
RUN = len(CELLS) - 1

BUSY = """
started = time.time()
while time.time() < started + 6:
    time.sleep(0.1)
note("busy")
"""
