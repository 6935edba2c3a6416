// The entry point of libFuzzer (`make fuzz`), which searches for inputs that reach code no input has reached before.
//
// Not a target of the package: libFuzzer has its own `main`, and every module must be compiled with its flags.

internal import HeroFuzz

/// Checks one input; a violated invariant ends the program, so that libFuzzer keeps the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func checkInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let violations = Fuzzer.violationsOfSelectedReader(in: Array(UnsafeBufferPointer(start: data, count: size)))
    if !violations.isEmpty { fatalError(violations.joined(separator: "\n")) }
    return 0
}
