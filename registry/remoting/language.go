package remoting

import "strconv"

// Language says what the sender is written in. A JSON header carries the name, a binary one the number. Nothing depends on it.
type Language uint8

// The languages of apache/rocketmq LanguageCode.java.
const (
	Java Language = iota
	CPP
	DotNet
	Python
	Delphi
	Erlang
	Ruby
	Other
	HTTP
	Go
	PHP
	OMS
	Rust
	NodeJS

	// UnknownLanguage stands for any other name or number, and for none. It is left out of JSON headers, as upstream leaves
	// out the null it makes of it.
	UnknownLanguage Language = 255
)

var languageNames = [...]string{
	"JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP", "OMS", "RUST", "NODE_JS",
}

// String is the name as JSON headers carry it, "" for UnknownLanguage.
func (l Language) String() string {
	if int(l) < len(languageNames) {
		return languageNames[l]
	}
	return ""
}

func languageByName(name []byte) Language {
	switch string(name) { // the two that matter for speed
	case "JAVA":
		return Java
	case "GO":
		return Go
	}
	for l, known := range languageNames {
		if string(name) == known {
			return Language(l)
		}
	}
	if n, err := strconv.Atoi(string(name)); err == nil {
		return languageByNumber(n)
	}
	return UnknownLanguage
}

func languageByNumber(n int) Language {
	if n < 0 || n >= len(languageNames) {
		return UnknownLanguage
	}
	return Language(n)
}
