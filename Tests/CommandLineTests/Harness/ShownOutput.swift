import Foundation

/// The comparison of the output that a page shows with the real one.
///
/// Numbers, times and the width of columns may differ. A line `...` stands for any number of lines.
enum ShownOutput {
    /// Whether the output of a command is the one that the page shows.
    static func matches(_ shown: [String], _ actual: String) -> Bool {
        let expected = lines(of: shown)
        let lines = lines(of: actual)
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

    /// Whether the output so far contains all shown lines, in any order.
    ///
    /// Two streams, and the output of several services, have no fixed order.
    static func contains(_ shown: [String], in actual: String) -> Bool {
        let lines = lines(of: actual)
        return Self.lines(of: shown).allSatisfy { line in line == ["..."] || lines.contains { isSame(line, $0) } }
    }

    private static func lines(of shown: [String]) -> [[String]] { shown.map(words).filter { !$0.isEmpty } }

    private static func lines(of text: String) -> [[String]] { lines(of: text.split(separator: "\n").map(String.init)) }

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
        return core.allSatisfy { $0.isNumber || ".-:hmsTZ".contains($0) }
    }
}
