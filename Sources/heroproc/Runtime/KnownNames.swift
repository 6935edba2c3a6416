import HeroManifest
import HeroModel

/// The services that are recorded, to tell a slip of the fingers from a service.
struct KnownNames {
    private let names: [QualifiedName]

    /// Takes what is recorded.
    init(_ names: [QualifiedName]) {
        self.names = names
    }

    /// Refuses names that nobody knows, and says which one was probably meant.
    func require(_ wanted: [QualifiedName]) throws {
        for name in wanted where !names.contains(name) {
            throw Refusal("there is no service \(name.spoken)", help: help(for: name))
        }
    }

    private func help(for name: QualifiedName) -> String {
        if names.isEmpty { return "nothing was applied yet: `heroproc apply`" }
        if let other = names.first(where: { $0.name == name.name }) { return "did you mean `\(other)`?" }
        if let near = Self.nearest(name.spoken, names.map(\.spoken)) { return "did you mean `\(near)`?" }
        return "`heroproc status` shows all there are"
    }

    /// The candidate with the fewest slips, if they are few enough.
    static func nearest(_ word: String, _ candidates: [String]) -> String? {
        let limit = max(1, word.utf8.count / 3)
        let measured = candidates.map { ($0, slips(Array(word.utf8), Array($0.utf8))) }
        return measured.filter { $0.1 <= limit }.min { $0.1 < $1.1 }?.0
    }

    /// The least number of letters to insert, remove, replace or swap with their neighbour.
    private static func slips(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var above = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(above[column] + (letter == other ? 0 : 1), above[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    cost = min(cost, before[column - 1] + 1)
                }
                current.append(cost)
            }
            before = above
            above = current
        }
        return above[right.count]
    }
}

extension QualifiedName {
    /// As a user would type it: without the context where it is the default.
    var spoken: String { context == Self.defaultContext ? name : description }
}
