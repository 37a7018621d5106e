"""The grammar of CEL: from tokens to the syntax tree.

Source: the CEL language definition, "Syntax" and "Macros". Binary operators are read by climbing precedences, the rest
by descent. The depth of the descent is bounded while reading, the size of the tree afterwards.
"""

from __future__ import annotations

from typing import cast

from tidegate.core.condition.errors import ConditionError
from tidegate.core.condition.lexer import KEYWORDS, RESERVED, Kind, Token, tokens
from tidegate.core.condition.syntax import (
    Binary,
    Call,
    Comprehension,
    Conditional,
    Expression,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logical,
    MapLiteral,
    Name,
    Negate,
    Not,
    Select,
    walk,
)
from tidegate.core.condition.types import Scalar

MAX_NESTING = 32
"""Levels of the tree, and of brackets in the text."""

MAX_NODES = 500
MAX_MACRO_NESTING = 2

MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})

_RELATIONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_PRECEDENCE = {"||": 1, "&&": 2} | dict.fromkeys(_RELATIONS, 3) | {"+": 4, "-": 4, "*": 5, "/": 5, "%": 5}
_WORDS = {"and": "&&", "or": "||", "is": "==", "AND": "&&", "OR": "||"}
_LARGEST_INT = 2**63 - 1
_LARGEST_UINT = 2**64 - 1


def parse(text: str) -> Expression:
    """The syntax tree of a condition.

    Raises:
        ConditionError: the text is not CEL, constructs a message, or exceeds a limit of size.
    """
    parser = _Parser(tokens(text))
    root = parser.whole()
    _hold_to_limits(root)
    return root


def _hold_to_limits(root: Expression) -> None:
    for count, (node, depth, macros) in enumerate(walk(root), start=1):
        if count > MAX_NODES:
            raise _too_large(f"the condition has more than {MAX_NODES} parts", node.start)
        if depth > MAX_NESTING:
            raise _too_large(f"the condition is nested more than {MAX_NESTING} deep", node.start)
        if macros + isinstance(node, Comprehension) > MAX_MACRO_NESTING:
            raise _too_large(f"macros are nested more than {MAX_MACRO_NESTING} deep", node.start)


def _too_large(what: str, offset: int) -> ConditionError:
    return ConditionError(what, offset=offset, remedy="split it into several gates")


class _Parser:
    """Reads tokens from left to right; one method per production."""

    def __init__(self, found: tuple[Token, ...]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0

    # -- reading tokens --------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    @property
    def _behind(self) -> int:
        """Where the last token read ends."""
        return self._tokens[self._at - 1].end

    def _sees(self, text: str) -> bool:
        return self._next.kind is not Kind.LITERAL and self._next.text == text

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _accept(self, text: str) -> bool:
        if self._sees(text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str, purpose: str) -> None:
        if not self._accept(text):
            raise self._unexpected(f'"{text}" {purpose}')

    def _unexpected(self, expected: str) -> ConditionError:
        token = self._next
        found = f'"{token.text}"' if token.kind is not Kind.END else "the end"
        remedy = f"write {_WORDS[token.text]}" if token.text in _WORDS else "see docs/reference/conditions.md"
        return ConditionError(f"found {found}, expected {expected}", offset=token.start, remedy=remedy)

    # -- productions -----------------------------------------------------------------------------------------------

    def whole(self) -> Expression:
        """The whole text is one expression."""
        root = self._expression()
        if self._next.kind is not Kind.END:
            raise self._unexpected("an operator or the end")
        return root

    def _expression(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise _too_large(f"the condition is nested more than {MAX_NESTING} deep", self._next.start)
        start = self._next.start
        test = self._binary(1)
        if self._accept("?"):
            test = self._conditional(start, test)
        self._depth -= 1
        return test

    def _conditional(self, start: int, test: Expression) -> Expression:
        then = self._binary(1)
        self._expect(":", "between the two values of ? :")
        otherwise = self._expression()
        return Conditional(start, self._behind, test, then, otherwise)

    def _binary(self, lowest: int) -> Expression:
        """A run of operators that bind at least as closely as ``lowest``, from left to right."""
        start = self._next.start
        left = self._unary()
        while (precedence := self._precedence()) >= lowest:
            if precedence <= _PRECEDENCE["&&"]:
                left = self._logical(start, left, self._next.text)
            else:
                operator = self._take()
                right = self._binary(precedence + 1)
                left = Binary(start, self._behind, operator.text, left, right, operator.start)
        return left

    def _precedence(self) -> int:
        return 0 if self._next.kind is Kind.LITERAL else _PRECEDENCE.get(self._next.text, 0)

    def _logical(self, start: int, first: Expression, operator: str) -> Expression:
        operands = [first]
        while self._accept(operator):
            operands.append(self._binary(_PRECEDENCE[operator] + 1))
        return Logical(start, self._behind, operator, tuple(operands))

    def _unary(self) -> Expression:
        starts: list[int] = []
        sign = self._next.text if self._sees("!") or self._sees("-") else ""
        while sign and self._sees(sign):
            starts.append(self._take().start)
        node = self._signed(sign, starts)
        for start in reversed(starts):
            node = Not(start, node.end, node) if sign == "!" else Negate(start, node.end, node)
        return node

    def _signed(self, sign: str, starts: list[int]) -> Expression:
        """A member; a minus directly before a number belongs to the number, since the smallest int needs it.

        Takes the sign that it uses up out of ``starts``.
        """
        number = self._next
        if number.scalar not in (Scalar.INT, Scalar.DOUBLE):
            return self._member()
        if sign == "-":
            return self._member(self._number(starts.pop(), self._take(), -1))
        return self._member()

    def _member(self, node: Expression | None = None) -> Expression:
        start = self._next.start if node is None else node.start
        node = node or self._primary()
        while True:
            if self._accept("."):
                node = self._selection(start, node)
            elif self._accept("["):
                self._refuse_optional()
                index = self._expression()
                self._expect("]", "after the index")
                node = Index(start, self._behind, node, index)
            elif self._sees("{"):
                raise self._message()
            else:
                return node

    def _selection(self, start: int, operand: Expression) -> Expression:
        self._refuse_optional()
        name = self._identifier("a field's name after the dot", reserved=True)
        if not self._accept("("):
            return Select(start, self._behind, operand, name.text, name.start)
        args = self._listed(")")
        if name.text in MACROS and (macro := self._macro(start, operand, name, args)):
            return macro
        return Call(start, self._behind, name.text, operand, args, name.start)

    def _macro(
        self, start: int, operand: Expression, name: Token, args: tuple[Expression, ...]
    ) -> Comprehension | None:
        """The macro that a call stands for, or None where the number of arguments says that it is an ordinary call."""
        if len(args) != 2 and not (name.text == "map" and len(args) == 3):
            return None
        variable, body = args[0], args[-1]
        if not isinstance(variable, Name):
            raise ConditionError(
                f"the first argument of {name.text} is not a plain name",
                offset=variable.start,
                remedy=f"name the variable, as in {name.text}(item, item > 0)",
            )
        condition = args[1] if len(args) == 3 else None
        return Comprehension(start, self._behind, name.text, operand, variable.name, variable.start, body, condition)

    def _primary(self) -> Expression:
        token = self._next
        if token.kind is Kind.LITERAL:
            return self._constant(self._take())
        if token.kind is Kind.IDENT and token.text != "in":
            return self._named()
        if self._accept("("):
            node = self._expression()
            self._expect(")", "to close the parenthesis")
            return node
        if self._accept("["):
            return ListLiteral(token.start, *self._closed("]"))
        if self._accept("{"):
            entries = self._entries()
            return MapLiteral(token.start, self._behind, entries)
        if self._sees("."):
            raise ConditionError(
                "a name begins with a dot", offset=token.start, remedy="write the name without the dot"
            )
        raise self._unexpected("a value")

    def _closed(self, closing: str) -> tuple[int, tuple[Expression, ...]]:
        items = self._listed(closing, trailing=True)
        return self._behind, items

    def _named(self) -> Expression:
        token = self._take()
        if token.text in ("true", "false"):
            return Literal(token.start, token.end, Scalar.BOOL, token.text == "true")
        if token.text == "null":
            return Literal(token.start, token.end, None, None)
        if token.text in RESERVED:
            raise ConditionError(f'"{token.text}" is a reserved word', offset=token.start, remedy="use another name")
        if not self._accept("("):
            return Name(token.start, token.end, token.text)
        args = self._listed(")")
        if token.text == "has":
            return self._has(token, args)
        return Call(token.start, self._behind, token.text, None, args, token.start)

    def _has(self, token: Token, args: tuple[Expression, ...]) -> Expression:
        if len(args) != 1 or not isinstance(args[0], Select):
            raise ConditionError(
                "has() asks for one field", offset=token.start, remedy="write it as in has(tests.failed)"
            )
        return Has(token.start, self._behind, args[0].operand, args[0].field, args[0].at)

    def _constant(self, token: Token) -> Expression:
        if isinstance(token.value, int | float):
            return self._number(token.start, token, 1)
        return Literal(token.start, token.end, token.scalar, token.value)

    @staticmethod
    def _number(start: int, token: Token, sign: int) -> Expression:
        value = sign * cast(int | float, token.value)
        fits = {Scalar.INT: -_LARGEST_INT - 1 <= value <= _LARGEST_INT, Scalar.UINT: value <= _LARGEST_UINT}
        if not fits.get(token.scalar or Scalar.DOUBLE, True):
            raise ConditionError("the number does not fit into 64 bits", offset=start, remedy="write a smaller one")
        return Literal(start, token.end, token.scalar, value)

    def _listed(self, closing: str, *, trailing: bool = False) -> tuple[Expression, ...]:
        """Expressions between commas, up to and with the closing bracket."""
        found: list[Expression] = []
        while not self._sees(closing) or (found and not trailing):
            self._refuse_optional()
            found.append(self._expression())
            if not self._accept(","):
                break
        self._expect(closing, "or a comma")
        return tuple(found)

    def _entries(self) -> tuple[tuple[Expression, Expression], ...]:
        found: list[tuple[Expression, Expression]] = []
        while not self._sees("}"):
            self._refuse_optional()
            key = self._expression()
            self._expect(":", "between key and value")
            found.append((key, self._expression()))
            if not self._accept(","):
                break
        self._expect("}", "or a comma")
        return tuple(found)

    def _identifier(self, purpose: str, *, reserved: bool) -> Token:
        token = self._next
        if token.kind is not Kind.IDENT or token.text in KEYWORDS or (token.text in RESERVED and not reserved):
            raise self._unexpected(purpose)
        return self._take()

    def _refuse_optional(self) -> None:
        if self._sees("?"):
            raise ConditionError(
                "optional access with ? is not part of conditions",
                offset=self._next.start,
                remedy="ask with has() whether the field is there",
            )

    def _message(self) -> ConditionError:
        return ConditionError(
            "messages cannot be constructed in a condition",
            offset=self._next.start,
            remedy="compare fields of the evidence one by one",
        )
