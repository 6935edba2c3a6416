/// A regular expression that a line of output is searched for.
///
/// The dialect is what grep -E, RE2 and the rest agree on: `.`, `[a-z]`, `[^a-z]`, `\d \w \s` and their capitals, `\b`, `^`, `$`,
/// `( )`, `(?: )`, `|`, `* + ? {2} {2,} {2,5}`, `(?i)` at the beginning; a backslash takes its meaning from any other sign. There are no
/// back references and no looking around, so that a search takes time in proportion to pattern times line, whatever either is.
public struct LinePattern: Hashable, Sendable {
    /// What is wrong with a text that is no pattern.
    public struct SyntaxError: Error, Hashable {
        /// Where, in characters of Unicode from the beginning.
        public var offset: Int
        /// In words, such as `this ( is never closed`.
        public var reason: String
    }

    enum Instruction: Hashable, Sendable {
        /// One character of these.
        case character(CharacterClass)
        /// Either way.
        case split(Int, Int)
        case jump(Int)
        case lineStart
        case lineEnd
        case wordBoundary(isWanted: Bool)
        case match
    }

    /// The text it was made from.
    public let text: String
    let instructions: [Instruction]

    /// Steps that a pattern may have: `{1000}` of something large would ask for more.
    static let maxInstructions = 2000

    /// Reads a pattern.
    ///
    /// - Throws: `Mistake` with its place.
    public init(_ text: String) throws(SyntaxError) {
        var reader = LinePatternParser(text)
        self.text = text
        instructions = try reader.parse()
    }

    /// Whether a line has the pattern somewhere.
    public func matches(_ line: some StringProtocol) -> Bool {
        let scalars = Array(line.unicodeScalars.map(\.value))
        var search = Matcher(instructions: instructions, line: scalars)
        return search.run()
    }
}

extension LinePattern {
    /// Some characters.
    struct CharacterClass: Hashable, Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isInverted = false

        static let digits = CharacterClass(ranges: [0x30...0x39])
        static let wordCharacters = CharacterClass(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
        static let spaces = CharacterClass(ranges: [0x09...0x0D, 0x20...0x20])
        static let all = CharacterClass(ranges: [], isInverted: true)

        var inverted: Self { CharacterClass(ranges: ranges, isInverted: !isInverted) }

        func contains(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } != isInverted }

        /// The same with both cases of the letters of ASCII.
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

    /// All ways through the steps at once, one character after another.
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
                // A match may begin anywhere.
                if addThread(0, at: position) { return true }
                guard position < line.count else { return false }
                let scalar = line[position]
                let from = threads
                threads = []
                position += 1
                for place in from {
                    if case .character(let set) = instructions[place], set.contains(scalar),
                        addThread(place + 1, at: position)
                    {
                        return true
                    }
                }
            }
        }

        /// Goes as far as it can without taking a character; true at the end of the pattern.
        private mutating func addThread(_ place: Int, at position: Int) -> Bool {
            pending.append(place)
            while let place = pending.popLast() {
                guard visitedAt[place] != position else { continue }
                visitedAt[place] = position
                switch instructions[place] {
                case .character: threads.append(place)
                case .jump(let target): pending.append(target)
                case .split(let first, let second): pending += [first, second]
                case .lineStart: if position == 0 { pending.append(place + 1) }
                case .lineEnd: if position == line.count { pending.append(place + 1) }
                case .wordBoundary(let isWanted): if isWordBoundary(position) == isWanted { pending.append(place + 1) }
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
