"""`kempelen labour`: the books of human effort, what is owed for it, and the rights of those who gave it."""

from cyclopts import App

from console.commands.labour import checking, pay, people, statement, work

app = App(name=["labour", "labor"], help=statement.labour.__doc__)
app.default(statement.labour)
app.command(work.record)
app.command(work.import_, name="import")
app.command(checking.reconcile)
app.command(checking.verify)
app.command(statement.card)
app.command(statement.trace)
app.command(statement.went)
app.command(statement.export)
app.command(people.link)
app.command(people.requests)
app.command(people.decide)
app.command(people.forget)
app.command(people.rotate)
app.command(pay.payroll)
app.command(pay.topups)
app.command(pay.contracts_app)
app.command(pay.cost)
