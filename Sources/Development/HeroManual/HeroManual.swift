// Rule: render the manual pages from the commands and from the fields; read no file and no clock.

public import FoundationEssentials

/// The manual pages of heroproc, in the format of man(7).
public enum HeroManual {
    /// One page of the manual.
    public struct Page: Hashable, Sendable {
        /// The name of its file, such as `heroproc-diff.1`.
        public var file: String
        /// The source text.
        public var text: String
    }

    /// Renders one page for each command, and the page about manifests.
    ///
    /// - Parameters:
    ///   - help: The output of `--experimental-dump-help` of each program.
    ///   - version: The version, for the footer of each page.
    /// - Returns: the pages in the order of their names.
    /// - Throws: an error if the help is not what the command parser prints.
    public static func pages(help: [Data], version: String) throws -> [Page] {
        var pages = [ManifestPage(version: version).page]
        for data in help {
            let root = try JSONDecoder().decode(CommandHelp.Document.self, from: data).command
            let name = root.commandName.split(separator: " ").map(String.init)
            pages += CommandPage.pages(of: root, name: name, version: version)
        }
        // `heroproc serve` is a command of heroproc and a program of its own, whose page comes last and is complete.
        var byFile: [String: Page] = [:]
        for page in pages { byFile[page.file] = page }
        return byFile.values.sorted { $0.file < $1.file }
    }
}
