#!/usr/bin/perl
# A whole client of lokid in one screen, with nothing but Perl: what docs/rpc.md says, typed in.
#
#     perl ask.pl "Why is the sky blue?" [client:model]
use strict; use warnings;
use Encode qw(decode encode_utf8);
use IO::Socket::UNIX;

sub pack_any {    # text, lists, maps; Perl does not tell numbers from text, so they are left out here
    my ($value) = @_;
    return ($$value ? "\xc3" : "\xc2") if ref $value eq 'SCALAR';    # \1 and \0 are true and false
    return join '', pack('CN', 0xdd, scalar @$value), map { pack_any($_) } @$value if ref $value eq 'ARRAY';
    return join '', pack('CN', 0xdf, scalar keys %$value), map { pack_any($_), pack_any($value->{$_}) } keys %$value
        if ref $value eq 'HASH';
    my $text = encode_utf8($value);
    return pack('CN', 0xdb, length $text) . $text;
}

my ($lokid, $buffer) = (undef, '');

sub take {        # the next bytes; reads when there are not enough
    my ($count) = @_;
    while (length $buffer < $count) {
        sysread $lokid, $buffer, 65536, length $buffer or die "the connection to lokid was lost\n";
    }
    return substr $buffer, 0, $count, '';
}

my %CONSTANT = (0xc0 => undef, 0xc2 => 0, 0xc3 => 1);
my %NUMBER = (0xca => 'f>', 0xcb => 'd>', 0xcc => 'C', 0xcd => 'n', 0xce => 'N', 0xcf => 'Q>', 0xd0 => 'c',
    0xd1 => 's>', 0xd2 => 'l>', 0xd3 => 'q>');
my %LENGTH = (0xc4 => 'C', 0xc5 => 'n', 0xc6 => 'N', 0xd9 => 'C', 0xda => 'n', 0xdb => 'N', 0xdc => 'n',
    0xdd => 'N', 0xde => 'n', 0xdf => 'N');

sub unpack_any {
    my $kind = unpack 'C', take(1);
    return $kind if $kind < 0x80;
    return $kind - 256 if $kind >= 0xe0;
    return $CONSTANT{$kind} if exists $CONSTANT{$kind};
    return unpack $NUMBER{$kind}, take(length pack $NUMBER{$kind}, 0) if $NUMBER{$kind};
    my $length = $kind < 0xa0 ? $kind & 15 : $kind & 31;    # short maps and lists, then short text
    $length = unpack $LENGTH{$kind}, take(length pack $LENGTH{$kind}, 0) if $kind >= 0xc0;
    return { map { unpack_any() } 1 .. 2 * $length } if $kind < 0x90 || $kind == 0xde || $kind == 0xdf;
    return [ map { unpack_any() } 1 .. $length ] if $kind < 0xa0 || $kind == 0xdc || $kind == 0xdd;
    return $kind <= 0xc6 && $kind >= 0xc4 ? take($length) : decode('UTF-8', take($length));
}

my ($prompt, $model) = map { decode('UTF-8', $_) } @ARGV;
my $state = $ENV{XDG_STATE_HOME} || "$ENV{HOME}/.local/state";
my $path = $ENV{LOKID_SOCK}
    || ($ENV{XDG_RUNTIME_DIR} ? "$ENV{XDG_RUNTIME_DIR}/lokid/rpc.sock" : "$state/lokid/run/rpc.sock");
$lokid = IO::Socket::UNIX->new(Peer => $path) or die "lokid does not run: lokictl daemon start\n";
binmode STDOUT, ':utf8'; binmode STDERR, ':utf8'; $| = 1;

my $hello = { client => 'ask.pl', errors => 'map' };
my $question = { model => $model // '', prompt => $prompt // die("ask what?\n"), stream => \1 };
sub request { my ($msgid, $method, $params) = @_; "\x94\0" . chr($msgid) . pack_any($method) . pack_any([$params]) }
syswrite $lokid, request(0, 'hello', $hello) . request(1, 'chat', $question);
while (my ($kind, $id, @rest) = @{ unpack_any() }) {
    if ($kind == 2 && $id eq 'chat.event') { print $rest[0][1]{text} if $rest[0][1]{type} eq 'text' }
    elsif ($kind == 1 && $id == 1) {
        die "\n$rest[0]{code}: $rest[0]{message}\n" if $rest[0];
        print "\n";
        print STDERR "the answer ended early: $rest[1]{finish_reason}\n" if $rest[1]{finish_reason} ne 'stop';
        last;
    }
}
