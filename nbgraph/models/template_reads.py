"""What a template reads: which of its free variables have to be there, and which are used only where they are."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from jinja2 import nodes

Names = frozenset[str]
NONE: Names = frozenset()


def needed_names(template: nodes.Template) -> Names:
    """The variables of which some use is not guarded by a test or a default.

    `{% if x is defined %}`, `x is defined and ...`, `... if x is defined` and `{{ x | default("") }}` guard `x`.
    """
    uses = _Uses()
    uses.follow(template.body, NONE)
    return frozenset(uses.needed)


class _Uses:
    """Walks a template in the order of its text; `known` are the names that are there for sure at that place."""

    def __init__(self) -> None:
        self.needed = set[str]()

    def follow(self, body: Iterable[nodes.Node | None], known: Names) -> Names:
        """Walk nodes one after the other; what is known after them."""
        for node in body:
            if node is not None:
                known = self.visit(node, known)
        return known

    def visit(self, node: nodes.Node, known: Names) -> Names:
        match node:
            case nodes.Name(ctx="load"):
                self.needed |= {node.name} - known
            case nodes.Test(name="defined" | "undefined", node=nodes.Name()):
                pass
            case nodes.Filter(name="default" | "d", node=nodes.Name()):
                self.follow([*node.args, *node.kwargs], known)
            case nodes.And() | nodes.Or():
                self.visit(node.left, known)
                self.visit(node.right, known | _proven(node.left, isinstance(node, nodes.And)))
            case nodes.CondExpr():
                self._expression(node, known)
            case nodes.Stmt():
                return self._statement(node, known)
            case _:
                self.follow(node.iter_child_nodes(), known)
        return known

    def _expression(self, node: nodes.CondExpr, known: Names) -> None:
        self.visit(node.test, known)
        self.visit(node.expr1, known | _proven(node.test, True))
        self.follow([node.expr2], known | _proven(node.test, False))

    def _statement(self, node: nodes.Stmt, known: Names) -> Names:
        match node:
            case nodes.If():
                return self._if(node, known)
            case nodes.Assign() | nodes.AssignBlock():
                self.follow(node.iter_child_nodes(exclude=("target",)), known)
                return known | _stored(node.target)
            case nodes.For():
                self.visit(node.iter, known)
                each = known | _stored(node.target)
                self.follow([node.test], each)
                self.follow(node.body, each | {"loop"})
                self.follow(node.else_, known)
            case nodes.With():
                self.follow(node.values, known)
                self.follow(node.body, known.union(*map(_stored, node.targets)))
            case nodes.Macro() | nodes.CallBlock():
                return self._macro(node, known)
            case _:
                self.follow(node.iter_child_nodes(), known)
        return known

    def _if(self, node: nodes.If, known: Names) -> Names:
        """What is set in every branch is known after it."""
        ends, below = [], known
        for branch in (node, *node.elif_):
            self.visit(branch.test, below)
            ends.append(self.follow(branch.body, below | _proven(branch.test, True)))
            below |= _proven(branch.test, False)
        ends.append(self.follow(node.else_, below))
        return reduce(frozenset.intersection, ends)

    def _macro(self, node: nodes.Macro | nodes.CallBlock, known: Names) -> Names:
        own = known | {node.name} if isinstance(node, nodes.Macro) else known
        if isinstance(node, nodes.CallBlock):
            self.visit(node.call, known)
        self.follow(node.defaults, known)
        self.follow(node.body, own.union({"varargs", "kwargs", "caller"}, *map(_stored, node.args)))
        return own


def _stored(target: nodes.Node) -> Names:
    """The names that an assignment, a loop or a parameter sets."""
    found = [target] if isinstance(target, nodes.Name) else target.find_all(nodes.Name)
    return frozenset(name.name for name in found)


def _proven(test: nodes.Node, holds: bool) -> Names:
    """The names that are there for sure where `test` holds, or where it does not."""
    match test:
        case nodes.Test(name="defined", node=nodes.Name(name=name)):
            return frozenset({name}) if holds else NONE
        case nodes.Test(name="undefined", node=nodes.Name(name=name)):
            return NONE if holds else frozenset({name})
        case nodes.Not():
            return _proven(test.node, not holds)
        case nodes.And() | nodes.Or():
            left, right = _proven(test.left, holds), _proven(test.right, holds)
            return left | right if isinstance(test, nodes.And) is holds else left & right
    return NONE
