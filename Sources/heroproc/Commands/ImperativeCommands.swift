import ArgumentParser
import Glibc

/// A command that other supervisors have and heroproc does not: it tells which key to change instead.
protocol ImperativeCommand: ParsableCommand {
    /// The verb.
    static var verb: ImperativeVerb { get }
    var common: CommonOptions { get }
    var names: [String] { get }
}

extension ImperativeCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: verb.rawValue,
            abstract: "Tell which key of a manifest to change.",
            shouldDisplay: false
        )
    }

    func run() throws {
        let environment = Workspace.processEnvironment
        let workspace = Workspace(common, environment: environment)
        let output = Output(common, environment: environment)
        for sentence in VerbAdvice(workspace: workspace, verb: Self.verb).sentences(for: names) {
            output.writeError(sentence)
        }
        throw ArgumentParser.ExitCode(EX_USAGE)
    }
}

struct Start: ImperativeCommand {
    static let verb = ImperativeVerb.start
    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @Argument var names: [String] = []
}

struct Stop: ImperativeCommand {
    static let verb = ImperativeVerb.stop
    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @Argument var names: [String] = []
}

struct Restart: ImperativeCommand {
    static let verb = ImperativeVerb.restart
    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @Argument var names: [String] = []
}

struct Up: ImperativeCommand {
    static let verb = ImperativeVerb.up
    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @Argument var names: [String] = []
}

struct Reload: ImperativeCommand {
    static let verb = ImperativeVerb.reload
    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @Argument var names: [String] = []
}

struct Kill: ImperativeCommand {
    static let verb = ImperativeVerb.kill
    @OptionGroup(title: CommonOptions.title) var common: CommonOptions
    @Argument var names: [String] = []
}
