/// A command as `--experimental-dump-help` describes it.
struct CommandHelp: Decodable {
    struct Document: Decodable {
        var command: CommandHelp
    }

    struct Name: Decodable {
        var kind: String
        var name: String

        /// The name as it is typed.
        var text: String { kind == "long" ? "--\(name)" : "-\(name)" }
    }

    struct Argument: Decodable {
        var abstract: String?
        var defaultValue: String?
        var isOptional: Bool
        var isRepeating: Bool
        var kind: String
        var names: [Name]?
        var sectionTitle: String?
        var shouldDisplay: Bool
        var valueName: String?
        var allValues: [String]?

        /// The options in the order in which they are shown: `-d, --dir`.
        var spellings: [String] {
            let names = names ?? []
            return names.filter { $0.kind != "long" }.map(\.text) + names.filter { $0.kind == "long" }.map(\.text)
        }
    }

    var commandName: String
    var abstract: String?
    var discussion: String?
    var shouldDisplay: Bool
    var arguments: [Argument]?
    var subcommands: [CommandHelp]?

    /// The commands that have a page: those that are shown, apart from `help`.
    var visibleSubcommands: [CommandHelp] {
        (subcommands ?? []).filter { $0.shouldDisplay && $0.commandName != "help" }
    }
}
