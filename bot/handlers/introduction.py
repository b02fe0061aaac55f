"""Getting to know her: /start, /help, /about, /privacy."""

from __future__ import annotations

from collections.abc import Mapping

from bot.answers import Answer, Choice
from bot.command_texts import command_description, group_description, write_usage
from bot.commands import COMMANDS, Command, Context, commands_of, may_use
from bot.desk import Value
from bot.handlers.visit import Complete, Run, Visit


class IntroductionHandler:
    """Says who she is, what can be asked of her, and what is kept."""

    def __init__(self, profile: str) -> None:
        """Name `profile` as what she runs on."""
        self._profile = profile

    def commands(self) -> Mapping[str, Run]:
        """Return what each command runs."""
        return {"start": self.start, "help": self.help, "about": self.about, "privacy": self.privacy}

    def completions(self) -> Mapping[tuple[str, str], Complete]:
        """Return what suggests values, by command and option."""
        return {("help", "command"): self.complete_command}

    async def start(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Greet somebody who has just come, where they came."""
        return Answer(text=visit.texts.get("introduction.start"), is_private=False)

    async def about(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Say who she is."""
        return visit.say("introduction.about", profile=self._profile)

    async def privacy(self, visit: Visit, _: Mapping[str, Value]) -> Answer:
        """Say what is stored and how to get and delete it."""
        return visit.say("introduction.privacy")

    async def help(self, visit: Visit, arguments: Mapping[str, Value]) -> Answer:
        """List what this person can use here, or explain one command."""
        usable = usable_commands(visit)
        if "command" in arguments:
            group = str(arguments["command"]).removeprefix("/").split(" ")[0].casefold()
            return self._explain(visit, [command for command in usable if command.group == group])
        lines = [visit.texts.get("help.title")]
        for group in dict.fromkeys(command.group for command in usable):
            description = group_description(visit.texts.language, group)
            lines.append(visit.texts.get("help.line", command=group, description=description))
        lines.append(visit.texts.get("help.more"))
        return Answer(text="\n".join(lines))

    async def complete_command(self, visit: Visit, typed: str) -> list[Choice]:
        """Suggest the commands that this person can use here."""
        groups = dict.fromkeys(command.group for command in usable_commands(visit))
        return [Choice(label=f"/{group}", value=group) for group in groups if typed.removeprefix("/") in group]

    def _explain(self, visit: Visit, commands: list[Command]) -> Answer:
        if not commands:
            return visit.say("help.unknown")
        language = visit.texts.language
        lines = [
            visit.texts.get(
                "help.usage",
                usage=write_usage(visit.texts, command),
                description=command_description(language, command),
            )
            for command in commands
        ]
        return Answer(text="\n".join(lines))


def usable_commands(visit: Visit) -> list[Command]:
    """Return the commands that this person may use in this place."""
    context = Context.PRIVATE if visit.community is None else Context.COMMUNITY
    known = commands_of(visit.user.platform) or COMMANDS
    return [command for command in known if context in command.contexts and may_use(command.who, visit.actor.rights)]
