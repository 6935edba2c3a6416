/// A regular expression that matches lines of output.
///
/// The dialect is the common part of grep -E and RE2: `.`, `[a-z]`, `[^a-z]`, `\d \w \s` and their capitals, `\b`, `^`,
/// `$`, `( )`, `(?: )`, `|`, `* + ? {2} {2,} {2,5}`, and `(?i)` at the beginning. A backslash quotes any other special
/// character. There are no back references and no lookaround. So the time of a match is at most proportional to the
/// size of the pattern times the length of the line.
public struct LinePattern: Hashable, Sendable {
    /// A syntax error in a pattern.
    public struct SyntaxError: Error, Hashable {
        /// The position of the error, in Unicode scalars from the beginning.
        public var offset: Int
        /// The problem as text, such as `this ( is never closed`.
        public var reason: String
    }

    enum Instruction: Hashable, Sendable {
        /// Matches one character of a class.
        case character(CharacterClass)
        /// Continues at both instructions.
        case split(Int, Int)
        case jump(Int)
        case lineStart
        case lineEnd
        case wordBoundary(isWanted: Bool)
        case match
    }

    /// The text of the pattern.
    public let text: String
    let instructions: [Instruction]

    /// The maximum number of instructions: `{1000}` after a large group would need more.
    static let maxInstructions = 2000

    /// Parses a pattern.
    ///
    /// - Throws: The first syntax error.
    public init(_ text: String) throws(SyntaxError) {
        var reader = LinePatternParser(text)
        self.text = text
        instructions = try reader.parse()
    }

    /// Whether the pattern matches anywhere in a line.
    public func matches(_ line: some StringProtocol) -> Bool {
        let scalars = Array(line.unicodeScalars.map(\.value))
        var search = Matcher(instructions: instructions, line: scalars)
        return search.run()
    }
}

extension LinePattern {
    /// A set of characters.
    struct CharacterClass: Hashable, Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isInverted = false

        static let digits = CharacterClass(ranges: [0x30...0x39])
        static let wordCharacters = CharacterClass(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
        static let spaces = CharacterClass(ranges: [0x09...0x0D, 0x20...0x20])
        static let all = CharacterClass(ranges: [], isInverted: true)

        var inverted: Self { CharacterClass(ranges: ranges, isInverted: !isInverted) }

        func contains(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } != isInverted }

        /// The class with both cases of all ASCII letters.
        var ignoringCase: Self {
            var result = self
            for range in ranges {
                for (letters, shift) in [(UInt32(0x41)...0x5A, Int64(32)), (0x61...0x7A, -32)]
                where range.overlaps(letters) {
                    let common = range.clamped(to: letters)
                    func moved(_ scalar: UInt32) -> UInt32 { UInt32(clamping: Int64(scalar) + shift) }
                    result.ranges.append(moved(common.lowerBound)...moved(common.upperBound))
                }
            }
            return result
        }
    }

    /// Runs all alternatives of the pattern in parallel, one character at a time (Thompson, Pike).
    private struct Matcher {
        let instructions: [Instruction]
        let line: [UInt32]
        private var threads: [Int] = []
        private var visitedAt: [Int]
        private var pending: [Int] = []

        init(instructions: [Instruction], line: [UInt32]) {
            self.instructions = instructions
            self.line = line
            visitedAt = [Int](repeating: -1, count: instructions.count)
        }

        mutating func run() -> Bool {
            var position = 0
            while true {
                // A match may begin at any position.
                if addThread(0, at: position) { return true }
                guard position < line.count else { return false }
                let scalar = line[position]
                let previous = threads
                threads = []
                position += 1
                for index in previous {
                    if case .character(let set) = instructions[index], set.contains(scalar),
                        addThread(index + 1, at: position)
                    {
                        return true
                    }
                }
            }
        }

        /// Follows all instructions that consume no character; returns true at the end of the pattern.
        private mutating func addThread(_ index: Int, at position: Int) -> Bool {
            pending.append(index)
            while let index = pending.popLast() {
                guard visitedAt[index] != position else { continue }
                visitedAt[index] = position
                switch instructions[index] {
                case .character: threads.append(index)
                case .jump(let target): pending.append(target)
                case .split(let first, let second): pending += [first, second]
                case .lineStart: if position == 0 { pending.append(index + 1) }
                case .lineEnd: if position == line.count { pending.append(index + 1) }
                case .wordBoundary(let isWanted): if isWordBoundary(position) == isWanted { pending.append(index + 1) }
                case .match:
                    pending = []
                    return true
                }
            }
            return false
        }

        private func isWordBoundary(_ position: Int) -> Bool {
            let before = position > 0 && CharacterClass.wordCharacters.contains(line[position - 1])
            let after = position < line.count && CharacterClass.wordCharacters.contains(line[position])
            return before != after
        }
    }
}
