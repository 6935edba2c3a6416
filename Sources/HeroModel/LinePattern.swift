/// A regular expression that a line of output is searched for.
///
/// The dialect is what grep -E, RE2 and the rest agree on: `.`, `[a-z]`, `[^a-z]`, `\d \w \s` and their capitals, `\b`, `^`, `$`,
/// `( )`, `(?: )`, `|`, `* + ? {2} {2,} {2,5}`, `(?i)` at the beginning; a backslash takes its meaning from any other sign. There are no
/// back references and no looking around, so that a search takes time in proportion to pattern times line, whatever either is.
public struct LinePattern: Hashable, Sendable {
    /// What is wrong with a text that is no pattern.
    public struct Mistake: Error, Hashable {
        /// Where, in characters of Unicode from the beginning.
        public var offset: Int
        /// In words, such as `this ( is never closed`.
        public var reason: String
    }

    enum Step: Hashable, Sendable {
        /// One character of these.
        case one(CharacterSet)
        /// Either way.
        case fork(Int, Int)
        case jump(Int)
        case lineStart
        case lineEnd
        case wordEdge(isWanted: Bool)
        case found
    }

    /// The text it was made from.
    public let text: String
    let steps: [Step]

    /// Steps that a pattern may have: `{1000}` of something large would ask for more.
    static let mostSteps = 2000

    /// Reads a pattern.
    ///
    /// - Throws: `Mistake` with its place.
    public init(_ text: String) throws(Mistake) {
        var reader = LinePatternReader(text)
        self.text = text
        steps = try reader.read()
    }

    /// Whether a line has the pattern somewhere.
    public func matches(_ line: some StringProtocol) -> Bool {
        let scalars = Array(line.unicodeScalars.map(\.value))
        var search = Search(steps: steps, line: scalars)
        return search.run()
    }
}

extension LinePattern {
    /// Some characters.
    struct CharacterSet: Hashable, Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isInverted = false

        static let digits = CharacterSet(ranges: [0x30...0x39])
        static let words = CharacterSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
        static let spaces = CharacterSet(ranges: [0x09...0x0D, 0x20...0x20])
        static let all = CharacterSet(ranges: [], isInverted: true)

        var inverted: Self { CharacterSet(ranges: ranges, isInverted: !isInverted) }

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
    private struct Search {
        let steps: [Step]
        let line: [UInt32]
        private var current: [Int] = []
        private var marks: [Int]
        private var pending: [Int] = []

        init(steps: [Step], line: [UInt32]) {
            self.steps = steps
            self.line = line
            marks = [Int](repeating: -1, count: steps.count)
        }

        mutating func run() -> Bool {
            var position = 0
            while true {
                // A match may begin anywhere.
                if follow(0, at: position) { return true }
                guard position < line.count else { return false }
                let scalar = line[position]
                let from = current
                current = []
                position += 1
                for place in from {
                    if case .one(let set) = steps[place], set.contains(scalar), follow(place + 1, at: position) {
                        return true
                    }
                }
            }
        }

        /// Goes as far as it can without taking a character; true at the end of the pattern.
        private mutating func follow(_ place: Int, at position: Int) -> Bool {
            pending.append(place)
            while let place = pending.popLast() {
                guard marks[place] != position else { continue }
                marks[place] = position
                switch steps[place] {
                case .one: current.append(place)
                case .jump(let target): pending.append(target)
                case .fork(let first, let second): pending += [first, second]
                case .lineStart: if position == 0 { pending.append(place + 1) }
                case .lineEnd: if position == line.count { pending.append(place + 1) }
                case .wordEdge(let isWanted): if isWordEdge(position) == isWanted { pending.append(place + 1) }
                case .found:
                    pending = []
                    return true
                }
            }
            return false
        }

        private func isWordEdge(_ position: Int) -> Bool {
            let before = position > 0 && CharacterSet.words.contains(line[position - 1])
            let after = position < line.count && CharacterSet.words.contains(line[position])
            return before != after
        }
    }
}
