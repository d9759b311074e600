"""`kempelen labour`: the books of human effort, what is owed for it, and the rights of those who gave it."""

from cyclopts import App, Group

from console.commands.labour import checking, contracts, pay, people, statement, work

app = App(name=["labour", "labor"], help=statement.labour.__doc__)
app.default(statement.labour)

_BOOKS = Group.create_ordered("What is in the books")
app.command(statement.card, group=_BOOKS)
app.command(work.record, group=_BOOKS)
app.command(work.import_, name="import", group=_BOOKS)

_PROOF = Group.create_ordered("Whether that can be relied on")
app.command(checking.verify, group=_PROOF)
app.command(checking.reconcile, group=_PROOF)

_PAYROLL = Group.create_ordered("For the payroll role: nothing is held back")
app.command(pay.payroll, group=_PAYROLL)
app.command(pay.topups, group=_PAYROLL)
contracts.app.group = (_PAYROLL,)
app.command(contracts.app)
app.command(pay.cost, group=_PAYROLL)
app.command(statement.trace, group=_PAYROLL)
app.command(statement.went, group=_PAYROLL)
app.command(statement.export, group=_PAYROLL)

_RIGHTS = Group.create_ordered("The rights of those who did the work")
app.command(people.link, group=_RIGHTS)
app.command(people.ratings, group=_RIGHTS)
app.command(people.requests, group=_RIGHTS)
app.command(people.decide, group=_RIGHTS)
app.command(people.forget, group=_RIGHTS)
app.command(people.rotate, group=_RIGHTS)
