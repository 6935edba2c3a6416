/// Parses the text of a pattern into instructions.
struct LinePatternParser {
    private typealias Instruction = LinePattern.Instruction
    private typealias CharacterClass = LinePattern.CharacterClass
    private typealias SyntaxError = LinePattern.SyntaxError

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private var ignoresCase = false

    private static let maxDepth = 100

    init(_ text: String) {
        scalars = Array(text.unicodeScalars)
    }

    mutating func parse() throws(LinePattern.SyntaxError) -> [LinePattern.Instruction] {
        if starts(with: "(?i)") {
            ignoresCase = true
            position += 4
        }
        let steps = try parseAlternatives()
        guard position == scalars.count else {
            throw syntaxError("this ) closes nothing; write \\) for the character itself")
        }
        return steps + [.match]
    }

    // MARK: Structure

    private mutating func parseAlternatives() throws(SyntaxError) -> [Instruction] {
        var steps = try parseSequence()
        while next == "|" {
            position += 1
            let other = try parseSequence()
            // A split, the first alternative, and a jump over the second one.
            steps =
                [.split(1, steps.count + 2)] + steps.shifted(by: 1) + [.jump(steps.count + 2 + other.count)]
                + other.shifted(by: steps.count + 2)
            try checkSize(steps)
        }
        return steps
    }

    private mutating func parseSequence() throws(SyntaxError) -> [Instruction] {
        var steps: [Instruction] = []
        while let character = next, character != "|", character != ")" {
            let start = position
            var part = try parseAtom(character)
            while let repetition = try parseRepetition() {
                part = try repeating(part, repetition, at: start)
            }
            steps += part.shifted(by: steps.count)
            try checkSize(steps)
        }
        return steps
    }

    private mutating func parseAtom(_ character: Unicode.Scalar) throws(SyntaxError) -> [Instruction] {
        switch character {
        case "(": return try parseGroup()
        case "[": return [.character(try parseBracketClass())]
        case "*", "+", "?":
            throw syntaxError(
                "there is nothing before this \(character) to repeat; write \\\(character) for the character itself"
            )
        case "\\": return [try parseEscape()]
        default: break
        }
        position += 1
        switch character {
        case ".": return [.character(.all)]
        case "^": return [.lineStart]
        case "$": return [.lineEnd]
        default: return [.character(characterClass(character.value))]
        }
    }

    private mutating func parseGroup() throws(SyntaxError) -> [Instruction] {
        let opening = position
        position += 1
        if next == "?" {
            guard starts(with: "?:") else {
                throw syntaxError(
                    "only ( and (?: can begin a group here, and (?i) must be at the beginning of the pattern",
                    at: opening
                )
            }
            position += 2
        }
        depth += 1
        guard depth <= Self.maxDepth else {
            throw syntaxError("groups are nested more than \(Self.maxDepth) deep", at: opening)
        }
        let steps = try parseAlternatives()
        depth -= 1
        guard next == ")" else {
            throw syntaxError("this ( is never closed; write \\( for the character itself", at: opening)
        }
        position += 1
        return steps
    }

    // MARK: Repetition

    private mutating func parseRepetition() throws(SyntaxError) -> (least: Int, most: Int?)? {
        let found: (Int, Int?)
        switch next {
        case "*": found = (0, nil)
        case "+": found = (1, nil)
        case "?": found = (0, 1)
        case "{":
            guard let counts = try parseCounts() else { return nil }
            // A lazy repetition matches the same lines.
            if next == "?" { position += 1 }
            return counts
        default: return nil
        }
        position += 1
        if next == "?" { position += 1 }
        return found
    }

    /// Parses `{2}`, `{2,}` or `{2,5}`.
    private mutating func parseCounts() throws(SyntaxError) -> (least: Int, most: Int?)? {
        let opening = position
        position += 1
        guard let least = parseNumber() else {
            position = opening
            throw syntaxError("a number must follow this {; write \\{ for the character itself")
        }
        var most: Int? = least
        if next == "," {
            position += 1
            most = parseNumber()
        }
        guard next == "}" else {
            throw syntaxError("this { is never closed; write \\{ for the character itself", at: opening)
        }
        position += 1
        guard most ?? least >= least else {
            throw syntaxError("the second number is smaller than the first one", at: opening)
        }
        return (least, most)
    }

    private mutating func parseNumber() -> Int? {
        var value: Int?
        while let character = next, ("0"..."9").contains(character), (value ?? 0) < 10_000 {
            value = (value ?? 0) * 10 + Int(character.value - 0x30)
            position += 1
        }
        return value
    }

    private func repeating(_ part: [Instruction], _ counts: (least: Int, most: Int?), at start: Int) throws(SyntaxError)
        -> [Instruction]
    {
        let copies = max(counts.most ?? counts.least, counts.least) + 1
        guard part.count * copies <= LinePattern.maxInstructions else {
            throw syntaxError("this repeats too much", at: start)
        }
        var steps: [Instruction] = []
        for _ in 0..<counts.least { steps += part.shifted(by: steps.count) }
        guard let most = counts.most else {
            let fork = steps.count
            return steps + [.split(fork + 1, fork + part.count + 2)] + part.shifted(by: fork + 1) + [.jump(fork)]
        }
        for _ in counts.least..<most {
            steps += [.split(steps.count + 1, steps.count + 1 + part.count)] + part.shifted(by: steps.count + 1)
        }
        return steps
    }

    // MARK: Characters

    private func characterClass(_ scalar: UInt32) -> CharacterClass {
        let set = CharacterClass(ranges: [scalar...scalar])
        return ignoresCase ? set.ignoringCase : set
    }

    private mutating func parseEscape() throws(SyntaxError) -> Instruction {
        let start = position
        position += 1
        guard let character = next else {
            throw syntaxError("nothing follows this \\; write \\\\ for the character itself", at: start)
        }
        if character == "b" || character == "B" {
            position += 1
            return .wordBoundary(isWanted: character == "b")
        }
        return .character(try parseEscapedClass(at: start))
    }

    /// Parses the character after a backslash, which is already consumed.
    private mutating func parseEscapedClass(at start: Int) throws(SyntaxError) -> CharacterClass {
        guard let character = next else {
            throw syntaxError("nothing follows this \\; write \\\\ for the character itself", at: start)
        }
        position += 1
        switch character {
        case "d": return .digits
        case "D": return CharacterClass.digits.inverted
        case "w": return .wordCharacters
        case "W": return CharacterClass.wordCharacters.inverted
        case "s": return .spaces
        case "S": return CharacterClass.spaces.inverted
        case "t": return characterClass(0x09)
        case "0"..."9": throw syntaxError("\\\(character) is a back reference, which is not supported here", at: start)
        case "a"..."z", "A"..."Z": throw syntaxError("\\\(character) has no meaning here", at: start)
        default: return characterClass(character.value)
        }
    }

    private mutating func parseBracketClass() throws(SyntaxError) -> CharacterClass {
        let opening = position
        position += 1
        var set = CharacterClass(ranges: [])
        let isInverted = next == "^"
        if isInverted { position += 1 }
        var isFirst = true
        while let character = next, isFirst || character != "]" {
            isFirst = false
            let start = position
            let first = try parseClassMember(character)
            guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
                set.ranges += try memberRanges(first, at: start)
                continue
            }
            position += 1
            let last = try parseClassMember(scalars[position])
            guard let low = first.singleCharacter, let high = last.singleCharacter, low <= high else {
                throw syntaxError("this range does not go from a smaller to a larger character", at: start)
            }
            set.ranges.append(low...high)
        }
        guard next == "]" else {
            throw syntaxError("this [ is never closed; write \\[ for the character itself", at: opening)
        }
        position += 1
        if ignoresCase { set = set.ignoringCase }
        set.isInverted = isInverted
        return set
    }

    private mutating func parseClassMember(_ character: Unicode.Scalar) throws(SyntaxError) -> CharacterClass {
        let start = position
        position += 1
        guard character == "\\" else { return CharacterClass(ranges: [character.value...character.value]) }
        return try parseEscapedClass(at: start)
    }

    private func memberRanges(_ set: CharacterClass, at start: Int) throws(SyntaxError) -> [ClosedRange<UInt32>] {
        guard !set.isInverted else { throw syntaxError("write this outside the brackets", at: start) }
        return set.ranges
    }

    // MARK: Reading

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func starts(with text: String) -> Bool { scalars[position...].starts(with: text.unicodeScalars) }

    private func syntaxError(_ reason: String, at offset: Int? = nil) -> SyntaxError {
        SyntaxError(offset: offset ?? position, reason: reason)
    }

    private func checkSize(_ steps: [Instruction]) throws(SyntaxError) {
        guard steps.count <= LinePattern.maxInstructions else { throw syntaxError("the pattern is too large", at: 0) }
    }
}

extension LinePattern.CharacterClass {
    /// The character, if the class has exactly one.
    fileprivate var singleCharacter: UInt32? {
        guard !isInverted, let range = ranges.first, range.count == 1 else { return nil }
        return range.lowerBound
    }
}

extension [LinePattern.Instruction] {
    /// The instructions with their targets moved by a distance.
    fileprivate func shifted(by distance: Int) -> Self {
        map { instruction in
            switch instruction {
            case .split(let first, let second): .split(first + distance, second + distance)
            case .jump(let target): .jump(target + distance)
            case .character, .lineStart, .lineEnd, .wordBoundary, .match: instruction
            }
        }
    }
}
