/// Reads the text of a pattern into its steps.
struct LinePatternReader {
    private typealias Step = LinePattern.Step
    private typealias CharacterSet = LinePattern.CharacterSet
    private typealias Mistake = LinePattern.Mistake

    private let scalars: [Unicode.Scalar]
    private var place = 0
    private var depth = 0
    private var ignoresCase = false

    private static let deepest = 100

    init(_ text: String) {
        scalars = Array(text.unicodeScalars)
    }

    mutating func read() throws(LinePattern.Mistake) -> [LinePattern.Step] {
        if starts(with: "(?i)") {
            ignoresCase = true
            place += 4
        }
        let steps = try alternatives()
        guard place == scalars.count else { throw mistake("this ) closes nothing; write \\) for the character itself") }
        return steps + [.found]
    }

    // MARK: Structure

    private mutating func alternatives() throws(Mistake) -> [Step] {
        var steps = try sequence()
        while next == "|" {
            place += 1
            let other = try sequence()
            // Fork, the first one, a jump over the other one.
            steps =
                [.fork(1, steps.count + 2)] + steps.moved(by: 1) + [.jump(steps.count + 2 + other.count)]
                + other.moved(by: steps.count + 2)
            try checkSize(steps)
        }
        return steps
    }

    private mutating func sequence() throws(Mistake) -> [Step] {
        var steps: [Step] = []
        while let sign = next, sign != "|", sign != ")" {
            let began = place
            var part = try atom(sign)
            while let repetition = try repetition() {
                part = try repeated(part, repetition, at: began)
            }
            steps += part.moved(by: steps.count)
            try checkSize(steps)
        }
        return steps
    }

    private mutating func atom(_ sign: Unicode.Scalar) throws(Mistake) -> [Step] {
        switch sign {
        case "(": return try group()
        case "[": return [.one(try characters())]
        case "*", "+", "?":
            throw mistake("there is nothing before this \(sign) to repeat; write \\\(sign) for the character itself")
        case "\\": return [try escaped()]
        default: break
        }
        place += 1
        switch sign {
        case ".": return [.one(.all)]
        case "^": return [.lineStart]
        case "$": return [.lineEnd]
        default: return [.one(single(sign.value))]
        }
    }

    private mutating func group() throws(Mistake) -> [Step] {
        let opening = place
        place += 1
        if next == "?" {
            guard starts(with: "?:") else {
                throw mistake(
                    "only ( and (?: begin a group here, and (?i) stands at the beginning of a pattern",
                    at: opening
                )
            }
            place += 2
        }
        depth += 1
        guard depth <= Self.deepest else {
            throw mistake("groups are nested more than \(Self.deepest) deep", at: opening)
        }
        let steps = try alternatives()
        depth -= 1
        guard next == ")" else {
            throw mistake("this ( is never closed; write \\( for the character itself", at: opening)
        }
        place += 1
        return steps
    }

    // MARK: Repetition

    private mutating func repetition() throws(Mistake) -> (least: Int, most: Int?)? {
        let found: (Int, Int?)
        switch next {
        case "*": found = (0, nil)
        case "+": found = (1, nil)
        case "?": found = (0, 1)
        case "{":
            guard let counts = try counts() else { return nil }
            // A lazy one finds the same lines.
            if next == "?" { place += 1 }
            return counts
        default: return nil
        }
        place += 1
        if next == "?" { place += 1 }
        return found
    }

    /// `{2}`, `{2,}` or `{2,5}`; nil where the brace is a character like others.
    private mutating func counts() throws(Mistake) -> (least: Int, most: Int?)? {
        let opening = place
        place += 1
        guard let least = number() else {
            place = opening
            throw mistake("a number belongs behind this {; write \\{ for the character itself")
        }
        var most: Int? = least
        if next == "," {
            place += 1
            most = number()
        }
        guard next == "}" else {
            throw mistake("this { is never closed; write \\{ for the character itself", at: opening)
        }
        place += 1
        guard most ?? least >= least else {
            throw mistake("the second number is smaller than the first one", at: opening)
        }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let sign = next, ("0"..."9").contains(sign), (value ?? 0) < 10_000 {
            value = (value ?? 0) * 10 + Int(sign.value - 0x30)
            place += 1
        }
        return value
    }

    private func repeated(_ part: [Step], _ counts: (least: Int, most: Int?), at began: Int) throws(Mistake) -> [Step] {
        let copies = max(counts.most ?? counts.least, counts.least) + 1
        guard part.count * copies <= LinePattern.mostSteps else { throw mistake("this repeats too much", at: began) }
        var steps: [Step] = []
        for _ in 0..<counts.least { steps += part.moved(by: steps.count) }
        guard let most = counts.most else {
            let fork = steps.count
            return steps + [.fork(fork + 1, fork + part.count + 2)] + part.moved(by: fork + 1) + [.jump(fork)]
        }
        for _ in counts.least..<most {
            steps += [.fork(steps.count + 1, steps.count + 1 + part.count)] + part.moved(by: steps.count + 1)
        }
        return steps
    }

    // MARK: Characters

    private func single(_ scalar: UInt32) -> CharacterSet {
        let set = CharacterSet(ranges: [scalar...scalar])
        return ignoresCase ? set.ignoringCase : set
    }

    private mutating func escaped() throws(Mistake) -> Step {
        let began = place
        place += 1
        guard let sign = next else {
            throw mistake("nothing stands behind this \\; write \\\\ for the character itself", at: began)
        }
        if sign == "b" || sign == "B" {
            place += 1
            return .wordEdge(isWanted: sign == "b")
        }
        return .one(try escapedSet(at: began))
    }

    /// What stands behind a backslash, which is read already.
    private mutating func escapedSet(at began: Int) throws(Mistake) -> CharacterSet {
        guard let sign = next else {
            throw mistake("nothing stands behind this \\; write \\\\ for the character itself", at: began)
        }
        place += 1
        switch sign {
        case "d": return .digits
        case "D": return CharacterSet.digits.inverted
        case "w": return .words
        case "W": return CharacterSet.words.inverted
        case "s": return .spaces
        case "S": return CharacterSet.spaces.inverted
        case "t": return single(0x09)
        case "0"..."9": throw mistake("\\\(sign) refers back to a group, which is not possible here", at: began)
        case "a"..."z", "A"..."Z": throw mistake("\\\(sign) means nothing here", at: began)
        default: return single(sign.value)
        }
    }

    private mutating func characters() throws(Mistake) -> CharacterSet {
        let opening = place
        place += 1
        var set = CharacterSet(ranges: [])
        let isInverted = next == "^"
        if isInverted { place += 1 }
        var isFirst = true
        while let sign = next, isFirst || sign != "]" {
            isFirst = false
            let began = place
            let first = try member(sign)
            guard next == "-", place + 1 < scalars.count, scalars[place + 1] != "]" else {
                set.ranges += try plain(first, at: began)
                continue
            }
            place += 1
            let last = try member(scalars[place])
            guard let low = first.character, let high = last.character, low <= high else {
                throw mistake("this range does not go from a smaller to a larger character", at: began)
            }
            set.ranges.append(low...high)
        }
        guard next == "]" else {
            throw mistake("this [ is never closed; write \\[ for the character itself", at: opening)
        }
        place += 1
        if ignoresCase { set = set.ignoringCase }
        set.isInverted = isInverted
        return set
    }

    private mutating func member(_ sign: Unicode.Scalar) throws(Mistake) -> CharacterSet {
        let began = place
        place += 1
        guard sign == "\\" else { return CharacterSet(ranges: [sign.value...sign.value]) }
        return try escapedSet(at: began)
    }

    private func plain(_ set: CharacterSet, at began: Int) throws(Mistake) -> [ClosedRange<UInt32>] {
        guard !set.isInverted else { throw mistake("write this outside of the brackets", at: began) }
        return set.ranges
    }

    // MARK: Reading

    private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    private func starts(with text: String) -> Bool { scalars[place...].starts(with: text.unicodeScalars) }

    private func mistake(_ reason: String, at offset: Int? = nil) -> Mistake {
        Mistake(offset: offset ?? place, reason: reason)
    }

    private func checkSize(_ steps: [Step]) throws(Mistake) {
        guard steps.count <= LinePattern.mostSteps else { throw mistake("the pattern is too large", at: 0) }
    }
}

extension LinePattern.CharacterSet {
    /// The one character it is made of.
    fileprivate var character: UInt32? {
        guard !isInverted, let range = ranges.first, range.count == 1 else { return nil }
        return range.lowerBound
    }
}

extension [LinePattern.Step] {
    /// The same steps, to stand further behind.
    fileprivate func moved(by distance: Int) -> Self {
        map { step in
            switch step {
            case .fork(let first, let second): .fork(first + distance, second + distance)
            case .jump(let target): .jump(target + distance)
            case .one, .lineStart, .lineEnd, .wordEdge, .found: step
            }
        }
    }
}
