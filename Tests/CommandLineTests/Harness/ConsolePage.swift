import Foundation
import TestSupport

/// A page whose `console` blocks are run in order, with the output that they show.
struct ConsolePage {
    /// One command of a page, and the output that the page shows for it.
    struct Step {
        /// The command, with its here-document.
        let command: String
        /// The shown lines; none if the page shows no output.
        let output: [String]
    }

    let text: String

    /// Reads a page by its path in the repository.
    init(_ path: String) {
        let file = repositoryRoot.appending(path: path).path(percentEncoded: false)
        text = String(decoding: fileContents(file), as: UTF8.self)
    }

    /// The commands of all `console` blocks.
    var steps: [Step] {
        var steps: [Step] = []
        var isInBlock = false
        var command: [String] = []
        var output: [String] = []
        var delimiter: String?
        func endStep() {
            if !command.isEmpty { steps.append(Step(command: command.joined(separator: "\n"), output: output)) }
            (command, output) = ([], [])
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            if trimmed == "```console" {
                isInBlock = true
            } else if isInBlock, trimmed == "```" {
                endStep()
                isInBlock = false
            } else if isInBlock, let end = delimiter {
                command.append(line)
                if line == end { delimiter = nil }
            } else if isInBlock, trimmed.hasPrefix("$ ") {
                endStep()
                command = [String(trimmed.dropFirst(2))]
                delimiter = trimmed.components(separatedBy: "<<'").dropFirst().first.map { rest in
                    String(rest.prefix { $0 != "'" })
                }
            } else if isInBlock {
                output.append(line)
            }
        }
        return steps
    }

    /// Whether the output of a command is the one that the page shows.
    ///
    /// Numbers, times and the width of columns may differ. A line `...` stands for any number of lines.
    static func matches(_ shown: [String], _ actual: String) -> Bool {
        let expected = shown.map(words).filter { !$0.isEmpty }
        let lines = actual.split(separator: "\n").map { words(String($0)) }.filter { !$0.isEmpty }
        // The numbers of lines that the shown ones so far can stand for.
        var ends: Set<Int> = [0]
        for line in expected {
            if line == ["..."] {
                guard let first = ends.min() else { return false }
                ends = Set(first...lines.count)
            } else {
                ends = Set(ends.filter { $0 < lines.count && isSame(line, lines[$0]) }.map { $0 + 1 })
            }
        }
        return ends.contains(lines.count)
    }

    /// The words of a line; `applied now` and `applied 2s ago` have the same words.
    private static func words(_ line: String) -> [String] {
        var result: [String] = []
        for word in line.split(separator: " ").map(String.init) {
            if word.hasPrefix("ago"), let last = result.popLast() {
                result.append(last + word.dropFirst(3))
            } else {
                result.append(word)
            }
        }
        return result
    }

    private static func isSame(_ shown: [String], _ actual: [String]) -> Bool {
        shown.count == actual.count
            && zip(shown, actual).allSatisfy { shown, actual in
                shown == actual || (isVariable(shown, digits: 3) && isVariable(actual, digits: 1))
            }
    }

    /// Whether a word is a time, or a number of some digits, with the punctuation around it.
    private static func isVariable(_ word: String, digits: Int) -> Bool {
        let core = word.trimmingCharacters(in: ["(", ")", ",", ";", "."])
        guard core != "now" else { return true }
        guard let first = core.first, first.isNumber else { return false }
        if core.allSatisfy(\.isNumber) { return core.count >= digits }
        return core.allSatisfy { $0.isNumber || ".hms".contains($0) }
    }
}
