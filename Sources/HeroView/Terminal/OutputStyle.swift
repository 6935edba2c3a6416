import HeroModel

/// What the place that a text goes to can show.
public struct OutputStyle: Hashable, Sendable {
    /// Whether colours are understood (and wanted).
    public var isColored: Bool
    /// Columns of the terminal; nil when there is none, so that nothing is cut.
    public var width: Int?

    /// Makes a style; the default is that of a file or a pipe.
    public init(isColored: Bool = false, width: Int? = nil) {
        self.isColored = isColored
        self.width = width
    }

    /// No colours, no limit.
    public static let plain = OutputStyle()

    /// The text in an ink; the text itself without colours, or when it is empty.
    public func paint(_ text: String, _ ink: TextStyle?) -> String {
        guard isColored, let ink, !text.isEmpty else { return text }
        return "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[0m"
    }

    /// Where long lines of names are wrapped when there is no terminal.
    var wrapWidth: Int { max(40, width ?? 120) }
}

/// A colour or weight: the parameter of ECMA-48's SGR.
public enum TextStyle: Int, Hashable, Sendable {
    /// Strong.
    case bold = 1
    /// Weak.
    case dim = 2
    /// What goes down or is wrong.
    case red = 31
    /// What comes up or is well.
    case green = 32
    /// What goes down and up, or waits for its next try.
    case yellow = 33
    /// What is blocked.
    case magenta = 35
    /// What changes in place, or is on its way.
    case cyan = 36
}

extension ServiceState {
    /// The ink of its name.
    var textStyle: TextStyle {
        switch self {
        case .running, .exited: .green
        case .stopped: .dim
        case .blocked: .magenta
        case .starting, .stopping: .cyan
        case .degraded, .backingOff: .yellow
        case .failed: .red
        }
    }
}

extension JobPhase {
    /// The ink of its name.
    var textStyle: TextStyle {
        switch self {
        case .running, .succeeded: .green
        case .pending, .cancelled: .dim
        case .waiting: .cyan
        case .retrying: .yellow
        case .failed: .red
        }
    }
}

extension Diagnostic.Severity {
    /// The ink of its name.
    var textStyle: TextStyle {
        switch self {
        case .error: .red
        case .warning: .yellow
        }
    }
}

/// `1 service`, `2 services`.
func counted(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(plural ?? noun + "s")"
}
