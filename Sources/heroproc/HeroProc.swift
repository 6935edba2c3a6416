// Rule: parse options, compose the modules, run the command, exit with a code.
//
// Each command turns options into a request, the request into a result and the result into a view. It exits with a code
// that never depends on the output format. The imported modules make the decisions; this module only connects them.

import ArgumentParser
import Glibc
import HeroLinux
import HeroView

/// The command line program `heroproc`.
@main
struct HeroProc: ParsableCommand {
    /// Parses the arguments and runs the command.
    ///
    /// A reconciler also starts this program as a helper that looks up accounts or reads facts about other processes.
    /// Both may wait for ever, so they run in a child process and before any argument is parsed.
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == AccountLookupReply.subcommand {
            Glibc.exit(AccountLookupReply.printReply(to: Array(arguments.dropFirst())))
        }
        if arguments.first == ProcessFactServer.subcommand {
            Glibc.exit(ProcessFactServer.run(Array(arguments.dropFirst())))
        }
        if arguments.first == UserFileReply.subcommand {
            Glibc.exit(UserFileReply.printContent(Array(arguments.dropFirst())))
        }
        if arguments.first == PathHelper.subcommand { Glibc.exit(PathHelper.run(Array(arguments.dropFirst()))) }
        if arguments.first == TreeMemory.subcommand { Glibc.exit(TreeMemory.run(Array(arguments.dropFirst()))) }
        if arguments.first == RepositoryHelper.subcommand {
            let environment = Workspace.processEnvironment
            Glibc.exit(RepositoryHelper.run(Array(arguments.dropFirst()), environment: environment))
        }
        StandardStreams.prepare()
        if let problem = PathBytes.problem() {
            Output.writeMessage("error: \(problem)\n  help: heroproc accepts only paths and texts in UTF-8\n")
            Glibc.exit(EX_USAGE)
        }
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            exit(writing: error)
        }
    }

    static let configuration = CommandConfiguration(
        commandName: "heroproc",
        abstract: "Keep the services running that a directory of YAML files declares.",
        usage: "heroproc <command> [options]",
        discussion: """
            Edit a manifest. `diff` shows what would change and why, and `apply` makes exactly these changes. There are no \
            start, stop or restart commands: the manifests declare which services run.

            EXAMPLES:
              heroproc validate              check the manifests
              heroproc diff                  show what would change, and why
              heroproc apply                 apply the changes and wait until they are done
              heroproc status --watch        show the state of all services
              heroproc logs -f web           follow the output of a service
              heroproc reconcile --watch     apply changes and restart services
              heroproc dev                   run everything in this terminal, for development

            HOW DO I ...
              restart one service            raise `generation` in its manifest, then `heroproc apply`
              stop one service               write `status: stop` into its manifest, then `heroproc apply`
              stop everything                `heroproc down`
              see the output of all          `heroproc logs -f`
              go back to an earlier state    `heroproc history`, then `heroproc apply --revision N`
              run it at boot                 a systemd unit with `heroproc reconcile --watch --keep`
              understand an error            `heroproc explain CODE`, with the code in brackets

            `heroproc restart NAME` and the like name the line to change. `heroproc help COMMAND` explains a command. \
            `man heroproc-manifest` lists all keys; further pages are in the directory docs of the source code. \
            `heroproc --generate-completion-script bash|zsh|fish` prints a completion script.

            EXIT CODES:
              0   the services match the manifests
              1   they do not match, or not yet
              2   refused or impossible; nothing was changed, or the result cannot be written
              64  usage error
            """,
        version: "heroproc \(Release.description)",
        subcommands: [Start.self, Stop.self, Restart.self, Up.self, Reload.self, Kill.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Check and apply",
                subcommands: [Validate.self, Diff.self, Apply.self, Sync.self, Down.self]
            ),
            CommandGroup(name: "Keep services running", subcommands: [Reconcile.self, Dev.self]),
            CommandGroup(
                name: "See the state",
                subcommands: [
                    Status.self, Why.self, Stats.self, Tree.self, Graph.self, Logs.self, Jobs.self, Events.self,
                    History.self,
                ]
            ),
            CommandGroup(
                name: "Set up and learn",
                subcommands: [
                    Init.self, Import.self, Export.self, Doctor.self, Explain.self, Schema.self, Serve.self,
                ]
            ),
        ]
    )
}
