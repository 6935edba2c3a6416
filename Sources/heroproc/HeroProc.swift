// Law: parse, compose, run, leave with a code.
//
// Each command turns options into a request, the request into a result, the result into a view, and leaves with a code
// that never depends on the format. What is right is decided in the modules below; here it is only put together.

import ArgumentParser
import Glibc
import HeroLinux

/// The program.
@main
struct HeroProc: ParsableCommand {
    /// What `--version` says, and what results say they were made by.
    static let release = "0.1.0"

    /// Parses and runs; or, before anything is parsed, is the child that may wait for a directory of users so that its reconciler
    /// need not.
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == AccountLookupReply.subcommand {
            Glibc.exit(AccountLookupReply.printReply(to: Array(arguments.dropFirst())))
        }
        main(nil)
    }

    static let configuration = CommandConfiguration(
        commandName: "heroproc",
        abstract: "Keeps the services running that a directory of YAML files declares.",
        usage: "heroproc <command> [options]",
        discussion: """
            You edit a manifest, `diff` says what that would touch and why, and `apply` does precisely that. There is \
            no start, stop or restart: what runs is what the files say.

            EXAMPLES:
              heroproc validate              is what I wrote sound?
              heroproc diff                  what would change, and why?
              heroproc apply                 make it so, and wait until it stands
              heroproc status --watch        what runs?
              heroproc logs -f web           what does it say?
              heroproc reconcile --watch     supervise: apply each change, heal what dies

            EXIT CODES:
              0   as wanted
              1   not (yet) as wanted
              2   refused or impossible; nothing was changed
              64  a mistake in the command line
            """,
        version: "heroproc \(release)",
        groupedSubcommands: [
            CommandGroup(
                name: "Change What Runs",
                subcommands: [Validate.self, Diff.self, Apply.self, Reconcile.self, Down.self]
            ),
            CommandGroup(
                name: "See What Runs",
                subcommands: [
                    Status.self, Why.self, Tree.self, Graph.self, Logs.self, Jobs.self, Events.self, History.self,
                ]
            ),
            CommandGroup(name: "Begin, and Describe", subcommands: [Init.self, Doctor.self, Schema.self]),
        ]
    )
}
