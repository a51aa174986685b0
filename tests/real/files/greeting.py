"""A command line tool of click, with a group, options of several kinds and a mistake in its use."""

import click


@click.group()
@click.option("--debug/--no-debug", default=False)
@click.pass_context
def cli(context, debug):
    context.obj = {"debug": debug}


@cli.command()
@click.argument("names", nargs=-1)
@click.option("--count", type=click.IntRange(1, 5), default=1, show_default=True)
@click.option("--tone", type=click.Choice(["soft", "loud"]), default="soft")
@click.pass_obj
def greet(settings, names, count, tone):
    for name in names:
        for number in range(count):
            text = f"hello {name} {number}"
            click.echo(click.style(text.upper() if tone == "loud" else text, fg="green"))
    if settings["debug"]:
        raise click.UsageError("nobody debugs a greeting")


if __name__ == "__main__":
    cli()
