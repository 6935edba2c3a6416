/// The classes of the report, from best to worst.
public enum LossClass: String, CaseIterable, Sendable {
    /// The same key with the same meaning; only counted.
    case exact
    /// Another key or form with the same effect in practice.
    case equivalent
    /// Close to the original; the report says what differs.
    case approximated
    /// Not in the manifests; the report says what to do by hand.
    case lost
    /// The result could destroy data or processes; refused unless the code is accepted.
    case dangerous
}

/// The kind of one line of the report, with a stable name.
public enum LossCode: String, CaseIterable, Sendable {
    case exact

    case sameMeaning = "same-meaning"
    case explicitDefault = "explicit-default"
    case alreadySo = "already-so"
    case requiresCascade = "requires-cascade"
    case shellScript = "shell-script"
    case variableKept = "variable-kept"
    case settingsAdded = "settings-added"

    case retryLimit = "retry-limit"
    case orderOnly = "order-only"
    case softDependency = "soft-dependency"
    case checkTimes = "check-times"
    case scheduleTimes = "schedule-times"
    case hostName = "host-name"
    case copies
    case manualStart = "manual-start"
    case outputCombined = "output-combined"
    case valueAdapted = "value-adapted"
    case restartAfterExit = "restart-after-exit"

    case noCounterpart = "no-counterpart"
    case unknownKey = "unknown-key"
    case invalidValue = "invalid-value"
    case sandbox
    case container
    case logLocation = "log-location"
    case reloadCommand = "reload-command"
    case stopCommand = "stop-command"
    case outsideReference = "outside-reference"
    case imageUnknown = "image-unknown"
    case secretToFile = "secret-to-file"
    case valueMissing = "value-missing"
    case endTogether = "end-together"
    case eventListener = "event-listener"
    case portTaken = "port-taken"
    case dependencyCycle = "dependency-cycle"
    case notRead = "not-read"
    case credentials

    case killsChildren = "kills-children"
    case socketActivation = "socket-activation"
    case literalVariable = "literal-variable"
    case memoryRestart = "memory-restart"
    case secretInCommand = "secret-in-command"
    case backgroundProgram = "background-program"

    /// The class that all lines with this code have.
    public var lossClass: LossClass {
        switch self {
        case .exact: .exact
        case .sameMeaning, .explicitDefault, .alreadySo, .requiresCascade, .shellScript, .variableKept,
            .settingsAdded:
            .equivalent
        case .retryLimit, .orderOnly, .softDependency, .checkTimes, .scheduleTimes, .hostName, .copies, .manualStart,
            .outputCombined, .valueAdapted, .restartAfterExit:
            .approximated
        case .noCounterpart, .unknownKey, .invalidValue, .sandbox, .container, .logLocation, .reloadCommand,
            .stopCommand, .outsideReference, .imageUnknown, .secretToFile, .valueMissing, .endTogether, .eventListener,
            .portTaken, .dependencyCycle, .notRead, .credentials:
            .lost
        case .killsChildren, .socketActivation, .literalVariable, .memoryRestart, .secretInCommand,
            .backgroundProgram:
            .dangerous
        }
    }
}
