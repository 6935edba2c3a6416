import Foundation
import TestSupport

/// A page whose commands are run in order, with the output that they show.
struct ConsolePage {
    /// One block of code.
    struct Block: Hashable {
        /// The language after the opening fence.
        let language: String
        /// The lines without the fences.
        let lines: [String]

        /// Whether it shows commands for a shell.
        var isForShell: Bool {
            ["console", "sh"].contains(language)
                || lines.contains { $0.trimmingCharacters(in: .whitespaces).hasPrefix("$ ") }
        }
    }

    /// One command of a page, and the output that the page shows for it.
    struct Step {
        /// The command, with its here-document.
        let command: String
        /// The shown lines; none if the page shows no output.
        let output: [String]
    }

    /// The blocks in their order.
    let blocks: [Block]

    /// Reads a page by its path in the repository.
    init(_ path: String) {
        let file = repositoryRoot.appending(path: path).path(percentEncoded: false)
        self.init(text: String(decoding: fileContents(file), as: UTF8.self))
    }

    /// Finds the blocks of a text.
    init(text: String) {
        var blocks: [Block] = []
        var open: (language: String, lines: [String])?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            if let block = open, trimmed == "```" {
                blocks.append(Block(language: block.language, lines: block.lines))
                open = nil
            } else if open != nil {
                open?.lines.append(line)
            } else if trimmed.hasPrefix("```") {
                open = (String(trimmed.dropFirst(3)), [])
            }
        }
        self.blocks = blocks
    }

    /// The commands of a block: those after `$ ` in a `console` block, and every line of a `sh` block.
    static func steps(of block: Block) -> [Step] {
        guard block.language == "console" else {
            let lines = block.lines.map { $0.trimmingCharacters(in: .whitespaces) }
            return lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }.map { Step(command: $0, output: []) }
        }
        var steps: [Step] = []
        var command: [String] = []
        var output: [String] = []
        var delimiter: String?
        func endStep() {
            if !command.isEmpty { steps.append(Step(command: command.joined(separator: "\n"), output: output)) }
            (command, output) = ([], [])
        }
        for line in block.lines {
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            if let end = delimiter {
                command.append(line)
                if line == end { delimiter = nil }
            } else if trimmed.hasPrefix("$ ") {
                endStep()
                command = [String(trimmed.dropFirst(2))]
                delimiter = trimmed.components(separatedBy: "<<'").dropFirst().first.map { rest in
                    String(rest.prefix { $0 != "'" })
                }
            } else {
                output.append(line)
            }
        }
        endStep()
        return steps
    }
}
