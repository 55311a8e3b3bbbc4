# The conformance handler in Perl (docs/conformance-handler.md), for AWS::Lambda: the function is handler.handle.
use strict;
use warnings;
use POSIX ();

my ($verb, $text) = split /:/, $ENV{CONFORMANCE_INIT} // '', 2;
$verb //= '';
die "$text\n" if $verb eq 'raise';
POSIX::_exit($text) if $verb eq 'exit';
tell_to(*STDOUT, $text) if $verb eq 'print';

my %counts;
# AWS::Lambda has methods for the first two, which return nothing.
my @unsupported = qw(client_title identity_id);

my %commands = (
    echo => sub { $_[0]{value} },
    raise => sub { die "$_[0]{message}\n" },
    exit => sub { POSIX::_exit($_[0]{code}) },
    sleep => sub { select undef, undef, undef, $_[0]{ms} / 1000; +{ slept => $_[0]{ms} } },
    env => sub { +{ map { $_ => $ENV{$_} } @{ $_[0]{names} } } },
    context => sub { about($_[1]) },
    print => sub {
        tell_to(($_[0]{to} // '') eq 'stderr' ? *STDERR : *STDOUT, $_[0]{text});
        +{ printed => $_[0]{text} };
    },
    state => sub { +{ count => ++$counts{ $_[0]{key} } } },
    size => sub { 'x' x $_[0]{bytes} },
    unserialisable => sub { sub { } },
);

sub tell_to {
    my ($stream, $line) = @_;
    utf8::encode($line) if utf8::is_utf8($line);
    syswrite $stream, "$line\n";
}

sub about {
    my ($context) = @_;
    return {
        unsupported => [@unsupported, $context->can('tenant_id') ? () : 'tenant_id'],
        request_id => $context->aws_request_id,
        function_arn => $context->invoked_function_arn,
        function_name => $context->function_name,
        function_version => $context->function_version,
        memory_mb => $context->memory_limit_in_mb + 0,
        log_group => $context->log_group_name,
        log_stream => $context->log_stream_name,
        remaining_ms => $context->get_remaining_time_in_millis,
        trace_id => $ENV{_X_AMZN_TRACE_ID},
        tenant_id => $context->can('tenant_id') ? $context->tenant_id : undef,
    };
}

sub handle {
    my ($event, $context) = @_;
    return $event unless ref $event eq 'HASH' && defined $event->{do};
    my $command = $commands{ $event->{do} };
    return $command ? $command->($event, $context) : { unsupported => $event->{do} };
}

1;
